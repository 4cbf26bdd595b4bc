import CPUBackend
import Foundation
import TensorGraph
import TestSupport
import Testing

@testable import ModelIO

/// Every committed test of the ONNX standard suite passes; none is excluded.
struct ConformanceTests {
  static let folders = ["node-tests", "pytorch-converted"].flatMap {
    ONNXConformance.tests(in: "\(fixtures)/onnx/\($0)")
  }

  @Test func allFoldersAreThere() {
    #expect(Self.folders.count == 297)
  }

  @Test(arguments: folders)
  func passesOnTheProcessor(_ folder: String) {
    let result = ONNXConformance(backend: CPUBackend()).run(folder)
    #expect(result.status == .passed, "\(result.name): \(result.reason)")
  }

  @Test(arguments: folders.enumerated().filter { $0.offset.isMultiple(of: 4) }.map(\.element))
  func passesOnTheReference(_ folder: String) {
    let result = ONNXConformance(backend: ReferenceInterpreter()).run(folder)
    #expect(result.status == .passed, "\(result.name): \(result.reason)")
  }

  @Test func differencesAreSeen() {
    let one = HostTensor([1], .float, .floats([1]))
    #expect(ONNXConformance.difference(one, one) == nil)
    #expect(ONNXConformance.difference(HostTensor([1], .float, .floats([1.0005])), one) == nil)
    #expect(ONNXConformance.difference(HostTensor([1], .float, .floats([1.002])), one) != nil)
    #expect(ONNXConformance.difference(HostTensor([], .float, .floats([1])), one) != nil)
    #expect(ONNXConformance.difference(HostTensor([1], .int32, .integers([1])), one) != nil)
    #expect(ONNXConformance.difference(HostTensor([1], .float, .floats([.nan])), one) != nil)
  }
}

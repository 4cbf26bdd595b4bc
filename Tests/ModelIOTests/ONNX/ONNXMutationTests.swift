import Foundation
import Fuzzing
import TestSupport
import Testing

@testable import ModelIO

/// Damaged models are refused or lowered, and never end the process.
struct ONNXMutationTests {
  /// The corpus: models of the standard suite's tests and our own.
  static let corpus: [String] = {
    let models = "\(fixtures)/onnx/models"
    let own = ["cnn", "functions", "shapes", "external", "dropout"].map { "\(models)/\($0).onnx" }
    let suite = ConformanceTests.folders.enumerated().filter { $0.offset.isMultiple(of: 12) }
      .map { $0.element + "/model.onnx" }
    return own + suite
  }()

  @Test(arguments: corpus)
  func mutationsNeverCrash(_ path: String) {
    let whole = bytes(of: path)
    var generator = FuzzGenerator(state: 5)
    var refused = 0
    for _ in 0..<120 {
      let mutated = whole.mutated(using: &generator)
      do {
        let model = try ONNXModel(bytes: mutated, path: "mutated.onnx", limits: .strict)
        _ = try model.specialized().graph()
      } catch {
        refused += 1
        let message = "\(error)"
        if !message.hasPrefix("mutated.onnx") || message.contains("\n") {
          Issue.record("unclear message: \(message)")
        }
      }
    }
    #expect(refused > 0)
  }
}

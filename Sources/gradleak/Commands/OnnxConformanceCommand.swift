import ArgumentParser
import Foundation
import ModelIO
import TensorGraph

/// Runs tests of the ONNX standard suite.
struct OnnxConformanceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "onnx-conformance",
    abstract: "Runs tests of the ONNX standard suite.",
    discussion: """
      A test is a folder with model.onnx and test_data_set_N/{input,output}_M.pb. Results must agree \
      to the suite's own tolerance (1e-3 relative, 1e-7 absolute). Tests of what gradleak does not \
      support are excluded, with the reason. Ends with status 1 when a test fails.

      EXAMPLES
        gradleak onnx-conformance Tests/Fixtures/onnx/node-tests
        gradleak onnx-conformance --backend reference test_gemm_alpha test_relu
        gradleak onnx-conformance --json folder
      """)

  @Argument(
    help: ArgumentHelp("Tests, or folders of tests.", valueName: "folder"), completion: .directory)
  var folders: [String]

  @Option(
    help: "What computes; see 'gradleak devices'.",
    completion: .list(BackendChoice.allValueStrings))
  var backend = BackendChoice.cpu

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  func run() throws {
    let tests = folders.flatMap(ONNXConformance.tests)
    guard !tests.isEmpty else {
      throw ValidationError("There is no model.onnx in \(folders.joined(separator: ", ")).")
    }
    let conformance = ONNXConformance(backend: try backend.backend())
    let results = tests.map(conformance.run)
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      Terminal.print(String(decoding: try encoder.encode(results), as: UTF8.self))
    } else {
      for result in results where result.status != .passed {
        Terminal.print("\(result.status.rawValue)  \(result.name)  \(result.reason)")
      }
      func count(_ status: ONNXConformanceResult.Status) -> Int {
        results.count { $0.status == status }
      }
      Terminal.print(
        "\(count(.passed)) passed, \(count(.failed)) failed, \(count(.excluded)) excluded")
    }
    if results.contains(where: { $0.status == .failed }) { throw FinishedWithStatus(status: 1) }
  }
}

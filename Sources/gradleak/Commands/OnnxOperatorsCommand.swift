import ArgumentParser
import Foundation
import ModelIO

/// Lists the ONNX operators that models may use.
struct OnnxOperatorsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "onnx-operators",
    abstract: "Lists the ONNX operators that models may use.",
    discussion: """
      EXAMPLES
        gradleak onnx-operators
        gradleak onnx-operators --json
        gradleak onnx-operators --markdown > docs/onnx-operators.md
      """)

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  @Flag(help: "Print the page of the documentation.")
  var markdown = false

  private struct Entry: Encodable {
    /// The operator set; empty for ONNX's own.
    let domain: String
    /// The operator's.
    let name: String
    /// The oldest version of the operator set that is read.
    let firstOpset: Int
    /// What of the operator is not read; empty for nothing.
    let restrictions: String
  }

  func validate() throws {
    if json, markdown { throw ValidationError("Give --json or --markdown, not both.") }
  }

  func run() throws {
    let operators = ONNXOperator.all
    if markdown {
      Terminal.write(ONNXOperator.markdownPage, to: .standardOutput)
      return
    }
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      let entries = operators.map {
        Entry(
          domain: $0.domain, name: $0.name, firstOpset: $0.since, restrictions: $0.restrictions)
      }
      Terminal.print(String(decoding: try encoder.encode(entries), as: UTF8.self))
      return
    }
    var table = TextTable([("operator", .left), ("opset", .left), ("restrictions", .left)])
    for entry in operators {
      table.append([entry.qualifiedName, "\(entry.since)+", entry.restrictions])
    }
    Terminal.print(table)
    Terminal.print()
    Terminal.printParagraph(
      "\(operators.count) operators, checked up to opset \(ONNXOperator.latestOpset). Functions that "
        + "a model brings with it are inlined.")
  }
}

import ArgumentParser
import Clients
import Foundation

/// Lists the built-in models.
struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "Lists the built-in models.",
    discussion: """
      EXAMPLES
        gradleak models
        gradleak models --json
      """)

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  private struct Entry: Encodable {
    let name: String
    let parameters: Int
    let inputShape: [Int]
    let classes: Int
    let activation: String
    let isTwiceDifferentiable: Bool
    let summary: String
  }

  func run() throws {
    let entries = try ModelCatalog.all.map { architecture in
      let model = try architecture.model()
      return Entry(
        name: architecture.name, parameters: model.parameterCount,
        inputShape: model.inputShape.dimensions, classes: model.classCount,
        activation: architecture.defaults.activation.rawValue,
        isTwiceDifferentiable: model.smoothness().isSmooth, summary: architecture.summary)
    }
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      Terminal.print(String(decoding: try encoder.encode(entries), as: UTF8.self))
      return
    }
    var table = TextTable([
      ("model", .left), ("parameters", .right), ("input", .left), ("classes", .right),
      ("activation", .left), ("smooth", .left),
    ])
    for entry in entries {
      table.append([
        entry.name, entry.parameters.formatted(.number.locale(Locale(identifier: "en_US"))),
        entry.inputShape.map(String.init).joined(separator: "x"), String(entry.classes),
        entry.activation, entry.isTwiceDifferentiable ? "yes" : "no",
      ])
    }
    for line in table.lines { Terminal.print(line) }
    Terminal.print()
    let width = entries.map(\.name.count).max() ?? 0
    for entry in entries {
      let name = entry.name.padding(toLength: width, withPad: " ", startingAt: 0)
      Terminal.printParagraph(entry.summary, head: name + "  ", indentation: width + 2)
    }
    Terminal.print()
    Terminal.printParagraph(
      "\"smooth\": twice differentiable, as matching gradients by gradient descent needs.")
  }
}

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
    /// On the command line.
    let name: String
    /// Numbers in all parameters.
    let parameters: Int
    /// Channels, height and width of one input, unless said otherwise.
    let inputShape: [Int]
    /// Logits, unless said otherwise.
    let classes: Int
    /// The model's usual nonlinearity.
    let activation: String
    /// Whether searches by second derivatives are at home.
    let isTwiceDifferentiable: Bool
    /// What it is, in a sentence.
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
    var table = TextTable(
      [
        ("model", .left), ("parameters", .right), ("input", .left), ("classes", .right),
        ("activation", .left), ("smooth", .left),
      ], dispensable: ["activation", "classes"])
    for entry in entries {
      table.append([
        entry.name, entry.parameters.formatted(.number.locale(Locale(identifier: "en_US"))),
        entry.inputShape.map(String.init).joined(separator: "x"), String(entry.classes),
        entry.activation, entry.isTwiceDifferentiable ? "yes" : "no",
      ])
    }
    Terminal.print(table)
    Terminal.print()
    Terminal.printEntries(entries.map { ($0.name, $0.summary) })
    Terminal.print()
    Terminal.printParagraph(
      "\"smooth\": twice differentiable, as matching gradients by gradient descent needs.")
  }
}

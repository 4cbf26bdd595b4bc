import ArgumentParser
import Attacks
import Audit
import Foundation
import TensorGraph

/// R-GAP's rank analysis.
struct RankCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rank",
    abstract:
      "Tells layer by layer whether a model's gradients give its inputs away, without data.",
    discussion: """
      The rank analysis of R-GAP: for every layer of a chain, how many of its inputs follow from its \
      outputs and its weight's gradient. Where all do, a closed form reads a batch of one off the \
      gradient, given activations that can be undone.

      EXAMPLES
        gradleak rank --model cnn6
        gradleak rank --model lenet --size 64
      """)

  @OptionGroup var selection: ModelSelection

  @Option(parsing: .unconditional, help: ArgumentHelp("Seed of the weights.", valueName: "n"))
  var seed: UInt64 = 0

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  private struct Entry: Encodable {
    let layer: String
    let equations: Int
    let unknowns: Int
    let rank: Int
  }

  private struct Report: Encodable {
    let version = 1
    let tool = GradleakVersion.current
    let model: String
    let isDetermined: Bool
    let layers: [Entry]
  }

  func run() throws {
    let selected = try selection.select()
    let model = selected.model
    let analysis = try RankAnalysis(
      selected.weighted(seed: seed), seed: seed, backend: BackendChoice.cpu.backend())
    if json {
      let entries = analysis.layers.map {
        Entry(layer: $0.name, equations: $0.equations, unknowns: $0.unknowns, rank: $0.rank)
      }
      Terminal.print(
        try ResultWriter.json(
          Report(model: model.name, isDetermined: analysis.isDetermined, layers: entries)))
      return
    }
    var table = TextTable([
      ("layer", .left), ("equations", .right), ("unknowns", .right), ("rank", .right),
      ("missing", .right),
    ])
    for layer in analysis.layers {
      table.append([
        layer.name, String(layer.equations), String(layer.unknowns), String(layer.rank),
        String(layer.unknowns - layer.rank),
      ])
    }
    for line in table.lines { Terminal.print(line) }
    Terminal.print()
    if analysis.isDetermined {
      Terminal.printParagraph(
        "Every layer gives its input away: the gradient of a batch of one determines the image.",
        indentation: 0)
    } else if let short = analysis.layers.first(where: { !$0.isDetermined }) {
      Terminal.printParagraph(
        "The recursion ends at \(short.name), which leaves \(short.unknowns - short.rank) "
          + "combinations of its \(short.unknowns) inputs open. Attacks that use all layers at once "
          + "may still succeed: see gradleak analyse.", indentation: 0)
    }
  }
}

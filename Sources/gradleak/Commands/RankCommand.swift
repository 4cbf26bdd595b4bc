import ArgumentParser
import Attacks
import Audit
import Foundation
import TensorGraph

/// R-GAP's rank analysis.
struct RankCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rank",
    abstract: "Tells by layer whether gradients give inputs away.",
    discussion: """
      The rank analysis of R-GAP: for every layer how many of its inputs follow from its outputs and its \
      weight's gradient. For networks with skips, and for batches: how much of what layers read follows \
      from their weights' gradients alone.

      EXAMPLES
        gradleak rank --model cnn6
        gradleak rank --model lenet --size 64
        gradleak rank --model resnet18 --batch-size 4
      """)

  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection

  @Option(help: ArgumentHelp("Images of the gradient.", valueName: "n"))
  var batchSize = 1

  @Option(parsing: .unconditional, help: ArgumentHelp("Seed of the weights.", valueName: "n"))
  var seed: UInt64 = 0

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  private struct Entry: Encodable {
    /// Its name.
    let layer: String
    /// Equations that the layer's gradient gives.
    let equations: Int
    /// Values of the layer's inputs.
    let unknowns: Int
    /// Independent ones of the equations, at most the unknowns.
    let rank: Int
  }

  private struct Report: Encodable {
    /// Of the format.
    let version = 1
    /// Version of gradleak that made it.
    let tool = GradleakVersion.current
    /// The model's name.
    let model: String
    /// Whether the inputs are determined by the counts.
    let isDetermined: Bool
    /// Whether equations that forward passes add are left out.
    let countsWeightGradientsAlone: Bool
    /// From the output to the input.
    let layers: [Entry]
  }

  func validate() throws { try check("--batch-size", batchSize, 1...1024) }

  func run() throws {
    let selected = try selection.select(batchSizes: [batchSize])
    let model = selected.model
    let analysis = try RankAnalysis(
      selected.weighted(seed: seed), batchSize: batchSize, seed: seed,
      backend: try BackendChoice.cpu.backend())
    if json {
      let entries = analysis.layers.map {
        Entry(layer: $0.name, equations: $0.equations, unknowns: $0.unknowns, rank: $0.rank)
      }
      Terminal.print(
        try ResultWriter.json(
          Report(
            model: model.name, isDetermined: analysis.isDetermined,
            countsWeightGradientsAlone: analysis.countsWeightGradientsAlone,
            layers: entries)))
      return
    }
    var table = TextTable(
      [
        ("layer", .left), ("equations", .right), ("unknowns", .right), ("rank", .right),
        ("missing", .right),
      ], dispensable: ["equations", "unknowns"])
    for layer in analysis.layers {
      table.append([
        layer.name, String(layer.equations), String(layer.unknowns), String(layer.rank),
        String(layer.unknowns - layer.rank),
      ])
    }
    Terminal.printParagraph(summary(of: analysis), indentation: 0)
    Terminal.print()
    Terminal.print(table)
  }

  private func summary(of analysis: RankAnalysis) -> String {
    if analysis.countsWeightGradientsAlone { return summaryOfWeightGradients(analysis) }
    guard let short = analysis.layers.first(where: { !$0.isDetermined }) else {
      return
        "Every layer gives its input away: the gradient of a batch of one determines the image."
    }
    return
      "The recursion ends at \(short.name), which leaves \(short.unknowns - short.rank) "
      + "combinations of its \(short.unknowns) inputs open. Attacks that use all layers at once "
      + "may still succeed: see gradleak analyse."
  }

  private func summaryOfWeightGradients(_ analysis: RankAnalysis) -> String {
    let missing = analysis.layers.map { Double($0.unknowns - $0.rank) / Double($0.unknowns) }
    let first = missing.firstIndex { $0 > RankCommand.closable }
    if let pooled = analysis.layers.firstIndex(where: \.readsMaximumPooling), pooled < first ?? .max
    {
      return
        "Weight gradients alone give what layers read down to \(analysis.layers[pooled].name), but for few "
        + "combinations. It reads a maximum pooling, and which elements that took is not told by its values: "
        + "residual peeling knows them exactly and seeks \(images) there, often in vain."
    }
    guard let end = first else {
      return
        "Weight gradients alone give every layer's input, but for few combinations: where rectifiers "
        + "show which of their units were active, residual peeling reads \(images) down to the pixels."
    }
    guard end > 0 else {
      return "The last layer's equations leave too much of its input open for residual peeling."
    }
    return
      "Weight gradients alone give what layers read down to \(analysis.layers[end - 1].name), but for few "
      + "combinations. At \(analysis.layers[end].name) they end; residual peeling seeks \(images) there, with "
      + "all values above known."
  }

  private var images: String { batchSize == 1 ? "one image" : "all \(batchSize) images" }

  /// Share of open combinations that values above close.
  private static let closable = 0.25
}

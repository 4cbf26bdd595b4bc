import ArgumentParser
import Audit
import Clients
import Foundation
import ModelIO
import Solvers
import TensorGraph

/// How often labels are read off gradients rightly.
struct LabelsCommand: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "labels",
    abstract: "Measures the strategies that read labels off gradients.",
    discussion: """
      Every batch has its own weights, labels (drawn uniformly, so that they repeat) and images: \
      windows of the bundled photographs.

      EXAMPLES
        gradleak bench labels
        gradleak bench labels --models lenet,mlp --batch-sizes 1,8,64 --batches 50
      """)

  @Option(help: ArgumentHelp("Models, separated by commas.", valueName: "names"))
  var models = "lenet,mlp,resnet20"

  @Option(help: ArgumentHelp("Batch sizes, separated by commas.", valueName: "sizes"))
  var batchSizes = "1,8,32"

  @Option(parsing: .unconditional, help: ArgumentHelp("Batches of each kind.", valueName: "n"))
  var batches = 20

  @Option(parsing: .unconditional, help: ArgumentHelp("Classes of every model.", valueName: "n"))
  var classes: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seed of weights, labels and images.", valueName: "n"))
  var seed: UInt64 = 0

  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  func validate() throws {
    try check("--batches", batches, 1...100_000)
  }

  func run() throws {
    let chosen = try models.split(separator: ",").map { name in
      try ModelCatalog.model(
        named: name.trimmingCharacters(in: .whitespaces), ModelOptions(classCount: classes))
    }
    for model in chosen { try checkLabels(model) }
    let sizes = try wholeNumbers(batchSizes, of: "--batch-sizes", 1...4096)
    guard !chosen.isEmpty, !sizes.isEmpty else {
      throw ValidationError("--models and --batch-sizes need at least one entry each.")
    }
    let folder = try output.folder()
    Interruption.listen()
    let backend = try output.backend
    let progress = LiveDisplay(isEnabled: !output.quiet)
    var benchmark = LabelBenchmark(seed: seed)
    for model in chosen {
      var source = RandomSource(seed: seed).derive(label: "images")
      let images = BundledImages.windows(count: 256, using: &source).map {
        PrivateExample(name: $0.name, picture: $0.image, label: 0, inputShape: model.inputShape)
          .image
      }
      for size in sizes where !Interruption.isRequested {
        var count = 0
        try benchmark.measure(
          model, batchSize: size, batches: batches, images: images, backend: backend
        ) {
          count += 1
          progress.update {
            var text = ProgressText()
            text.add("\(model.name), batch \(size): \(count)/\(batches)", importance: 9)
            text.addBar(Double(count) / Double(batches), importance: 1)
            return text.line
          }
          return Interruption.isRequested
        }
      }
    }
    progress.clear()
    if let folder {
      try folder.replace { staged in
        try AtomicFile.write(
          try ResultWriter.json(benchmark), to: staged.path(of: "labels.json"))
      }
    }
    if output.json {
      Terminal.print(try ResultWriter.json(benchmark))
    } else {
      show(benchmark)
    }
    if Interruption.isRequested {
      Terminal.printError("Interrupted; this is what was measured so far.")
      throw FinishedWithStatus(status: ExitStatus.interrupted)
    }
  }

  private func show(_ benchmark: LabelBenchmark) {
    var table = TextTable(
      [
        ("model", .left), ("batch", .right), ("strategy", .left), ("labels right", .right),
        ("95 %", .right), ("whole batches", .right),
      ], dispensable: ["95 %", "whole batches"])
    for row in benchmark.rows {
      table.append([
        row.model, String(row.batchSize), row.strategy,
        String(format: "%.1f %%", 100 * row.accuracy),
        String(format: "±%.1f", 100 * row.halfInterval), "\(row.exactBatches)/\(row.batches)",
      ])
    }
    Terminal.print(table)
  }
}

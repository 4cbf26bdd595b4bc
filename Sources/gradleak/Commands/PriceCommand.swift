import ArgumentParser
import Audit
import Clients
import Defences
import Foundation
import ModelIO
import TensorGraph

/// What defences cost the training.
struct PriceCommand: ParsableCommand, QuietCommand {
  static let configuration = CommandConfiguration(
    commandName: "price",
    abstract: "Prices defences: accuracy and bytes on the wire.",
    discussion: """
      A small model trains with each: a client draws a batch, its gradient goes through the defence, the \
      server takes a step. The data are few and the model is small: this ranks defences, and is no forecast.

      EXAMPLES
        gradleak price
        gradleak price --rounds 50 --defence gaussian:1e-4 --defence fp16
        gradleak price --table heart.csv --label num --ignore id
      """)

  @Option(
    name: .customLong("defence"),
    help: ArgumentHelp(
      "A defence to price, besides none; repeat for more. By default one of each kind.",
      valueName: "spec"), completion: .defences)
  var defences: [String] = []

  @Option(
    help: ArgumentHelp(
      "Folder with a folder of pictures for each class, instead of crops of the bundled "
        + "photographs.", valueName: "folder"), completion: .directory)
  var data: String?

  @OptionGroup var table: TableFileOptions

  @Option(
    help: ArgumentHelp(
      "Model; see 'gradleak models'. (default: convnet; of rows mlp)", valueName: "name"),
    completion: .models)
  var model: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Channels or features of the first layer. (default: 6; of rows as in 'gradleak table')",
      valueName: "n", visibility: .rare))
  var width: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Height and width of the images. (default: 12)", valueName: "pixels", visibility: .rare))
  var size: Int?

  @Option(parsing: .unconditional, help: ArgumentHelp("Rounds of training.", valueName: "n"))
  var rounds = 200

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Examples in a batch.", valueName: "n"))
  var batchSize = 16

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Crops of each photograph to train on. (default: 80)", valueName: "n", visibility: .rare))
  var crops: Int?

  @Option(parsing: .unconditional, help: "Seed of weights, batches, crops and noise.")
  var seed: UInt64 = 0

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  @Flag(name: [.customLong("quiet"), .customShort("q")], help: "Show no progress.")
  var isQuiet = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Processor threads; all by default.", valueName: "n", visibility: .rare))
  var threads: Int?

  /// Steps that suit gradients of their own size, clipped ones and signs.
  private static let learningRates = [0.3, 0.03, 0.003]

  func validate() throws {
    if let width { try check("--width", width, 1...4096) }
    if let size { try check("--size", size, 4...64) }
    try check("--rounds", rounds, 1...1_000_000)
    try check("--batch-size", batchSize, 1...10_000)
    if let crops { try check("--crops", crops, 1...10_000) }
    try table.checkFile()
    guard table.file == nil || (data == nil && size == nil && crops == nil) else {
      throw ValidationError(
        "--data, --size and --crops are of pictures, and there is a table; leave them out.")
    }
    if let threads { try check("--threads", threads, 1...1024) }
  }

  func run() throws {
    let kind: DataKindName = table.file == nil ? .pictures : .rows
    let chains: [DefenceChain]
    do throws(DefenceError) {
      let given = try defences.map { text throws(DefenceError) in try DefenceChain(text) }
      let applicable = DefenceCatalog.all.filter { (try? $0.check(data: kind)) != nil }
      let usual = try applicable.flatMap(\.priced).map { defence throws(DefenceError) in
        try DefenceChain([defence])
      }
      chains = [.none] + (defences.isEmpty ? usual : given)
    } catch {
      throw ValidationError("--defence: \(error.message).")
    }
    let backend = try BackendChoice.cpu.backend(threads: threads)
    let (built, examples) = try naming(RowExperiments.options) {
      try kind == .rows ? rows(backend) : pictures()
    }
    Interruption.listen()
    let progress = LiveDisplay(isEnabled: !isQuiet)
    let report = try PriceReport.measure(
      chains, model: built, data: examples, rounds: rounds, batchSize: batchSize,
      learningRates: PriceCommand.learningRates, seed: seed, backend: backend,
      observe: { index, count, defence in
        progress.update {
          var text = ProgressText()
          text.add("[\(index + 1)/\(count)]", importance: 9)
          text.addBar(Double(index) / Double(max(count, 1)), importance: 1)
          text.add("\(defence)", importance: 5)
          return text.line
        }
      }, shouldStop: { Interruption.isRequested })
    progress.clear()
    guard let report else {
      Terminal.printError("Interrupted; nothing was measured to the end.")
      throw FinishedWithStatus(status: ExitStatus.interrupted)
    }
    if json {
      Terminal.write(try ResultWriter.json(report), to: .standardOutput)
    } else {
      print(report)
    }
  }

  /// Pictures, and the model that learns to tell their classes.
  private func pictures() throws -> (Model, LabelledExamples) {
    let architecture = try ModelCatalog.architecture(named: model ?? PriceCommand.usualModel)
    let side = size ?? PriceCommand.usualSize
    let channels = architecture.defaults.inputShape[0]
    let images =
      try data.map { try LabelledExamples(folder: $0, inputShape: [3, side, side]) }
      ?? LabelledExamples(
        photographs: [channels, side, side], trainingCount: crops ?? PriceCommand.usualCrops,
        seed: seed)
    var options = ModelOptions(
      inputShape: [channels, side, side], width: width ?? PriceCommand.usualWidth)
    options.classCount = images.classes.count
    let model = try architecture.model(options)
    try checkLabels(model)
    return (model, images)
  }

  /// Rows, and the model that learns to tell their label.
  private func rows(_ backend: any Backend) throws -> (Model, LabelledExamples) {
    var experiment = Experiment()
    experiment.data = ExperimentData(.rows)
    experiment.data.table = table.choice
    experiment.model = ModelChoice(name: model ?? DataKinds.descriptor(.rows).usualModel)
    experiment.model.width = width
    guard !experiment.model.isFile else {
      throw ValidationError(
        "--model is \((model ?? "").quotedForMessage); the training begins with fresh weights, so give a name of 'gradleak models'."
      )
    }
    let rows = try LabelledExamples(try LoadedTable(table.choice ?? TableChoice()), seed: seed)
    let runner = try RowRunner(experiment, batchSizes: [1, batchSize], backend: backend)
    return (runner.inputs.selected.model, rows)
  }

  private static let (usualModel, usualWidth, usualSize, usualCrops) = ("convnet", 6, 12, 80)

  /// What defences cost, in one sentence.
  private func verdict(_ report: PriceReport) -> String {
    func percent(_ row: PriceReport.Row) -> String { String(format: "%.0f %%", 100 * row.accuracy) }
    let plain = report.rows.first { $0.defence.isEmpty }
    let defended = report.rows.filter { !$0.defence.isEmpty }.sorted { $0.accuracy > $1.accuracy }
    let start = plain.map { "Without a defence the accuracy is \(percent($0))" } ?? "Accuracies"
    guard let best = defended.first, let worst = defended.last else { return start + "." }
    return start + "; with \(best.defence) it is \(percent(best))"
      + (defended.count > 1 ? ", with \(worst.defence) \(percent(worst))." : ".")
  }

  private func print(_ report: PriceReport) {
    Terminal.printVerdict(verdict(report), .bold)
    Terminal.print()
    var table = TextTable(
      [
        ("defence", .left), ("accuracy", .right), ("95 % interval", .right), ("loss", .right),
        ("rate", .right), ("bytes/round", .right), ("of plain", .right), ("epsilon", .right),
      ], dispensable: ["rate", "loss", "of plain", "bytes/round", "95 % interval"])
    for row in report.rows {
      let interval = row.interval.map { String(format: "%.0f", 100 * $0) }
      let share = Double(row.result.wireByteCount) / Double(max(row.result.plainByteCount, 1))
      table.append([
        row.defence.description, String(format: "%.1f %%", 100 * row.accuracy),
        interval.joined(separator: "-") + " %",
        String(format: "%.2f", row.result.trainingLoss.value), "\(row.settings.learningRate)",
        String(row.result.wireByteCount / max(row.settings.rounds, 1)),
        String(format: "%.1f %%", 100 * share),
        row.epsilon.map { String(format: "%.2f", $0.value) } ?? "",
      ])
    }
    Terminal.print(table)
    Terminal.print()
    Terminal.printParagraph(
      "Accuracy on held-out examples after \(rounds) rounds of \(batchSize); guessing gives "
        + String(format: "%.0f", 100 * report.chance) + " %. Data: \(report.data). Model: "
        + "\(report.model), \(report.parameterCount) parameters. Each defence has the best of the "
        + "learning rates 0.3, 0.03 and 0.003 by training loss. Epsilon at delta 1e-5, for batches "
        + "drawn at random and examples added or removed.")
  }
}

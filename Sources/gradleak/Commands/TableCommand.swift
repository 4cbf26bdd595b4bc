import ArgumentParser
import Audit
import ModelIO

/// Private rows of a table from the gradient of a model that is trained on them.
struct TableCommand: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "table",
    abstract: "Reads table rows back from a model's gradient.",
    discussion: """
      A client computes a gradient on rows; the attack sees model, schema and gradient. What comes back is \
      taken to the nearest row, and certain where its own gradient is the shared one. See docs/guides/tables.md.

      EXAMPLES
        gradleak table heart.csv --label num --ignore id --batch-size 8
        gradleak table heart.csv --label num --show-schema > heart.yaml
        gradleak table heart.csv --schema heart.yaml --batch-size 16 --out out
        gradleak table --schema heart.yaml --update g.pt --weights w.pt
      """)

  @Argument(
    help: ArgumentHelp(
      "Comma-separated values, names first; or \(BundledTable.name).", valueName: "file"))
  var file: String?

  @OptionGroup(title: HelpTitle.data) var table: TableOptions
  @OptionGroup(title: HelpTitle.data) var rows: RowOptions

  @Flag(help: "Print what the columns are taken for, and do no more.")
  var showSchema = false

  @OptionGroup(title: HelpTitle.update) var update: UpdateOptions
  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection
  @OptionGroup(title: HelpTitle.model) var loss: LossOptions
  @OptionGroup(title: HelpTitle.training, visibility: .rare) var training: LocalTrainingOptions
  @OptionGroup(title: HelpTitle.training) var aggregate: ClientOptions
  @OptionGroup(title: HelpTitle.attack) var attack: AttackOptions
  @OptionGroup(title: HelpTitle.attack) var threat: AttackerOptions
  @OptionGroup(title: HelpTitle.defence) var defence: DefenceOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  mutating func validate() throws {
    selection.weights = try update.start(or: selection.weights)
    try training.checkSteps(of: aggregate)
    guard file != nil || (table.schema != nil && (update.file != nil || showSchema)) else {
      throw ValidationError(
        "There is no table; give a CSV file, or a client's --update with the --schema of its table."
      )
    }
    if update.findScale {
      throw ValidationError("--find-scale is for pictures; give --learning-rate or --loss-scale.")
    }
    if update.file != nil, !defence.defences.isEmpty {
      throw ValidationError(
        "--defence is what a simulated client does, and --update comes from a real one; leave one out."
      )
    }
    if update.file != nil, file == nil, rows.rows != nil {
      throw ValidationError("--rows are those of a table to measure by; give its file too.")
    }
  }

  /// What the options say; no table is read.
  private func plan() throws -> RowExperiments {
    try RowExperiments(
      table.choice(of: file), rows: rows, selection: selection, loss: loss, attack: attack,
      threat: threat, training: training, aggregate: aggregate, defence: defence)
  }

  /// What the options ask for: one experiment for each update.
  func experiments(on runner: RowRunner) throws -> [Experiment] {
    let plan = try plan()
    guard let update = update.choice(batchSize: rows.batchSize) else {
      return try plan.simulated(on: runner)
    }
    return try plan.captured(update)
  }

  func run() throws {
    guard !showSchema else {
      let choice = table.choice(of: file)
      let loaded = try naming(RowExperiments.options) { try LoadedTable(choice) }
      return Terminal.print(loaded.schema.yaml)
    }
    let runner = try plan().runner(output)
    try ExperimentSession(runner, output).conclude(
      try experiments(on: runner),
      besides: [file, table.schema, update.file].compactMap(\.self))
  }
}

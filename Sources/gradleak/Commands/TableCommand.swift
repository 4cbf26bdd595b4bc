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
  @Flag(help: "Print what the columns are taken for, and do no more.")
  var showSchema = false

  @OptionGroup(title: HelpTitle.update) var update: UpdateOptions

  @Option(
    help: ArgumentHelp("Writes the simulated client's update.", valueName: "file"),
    completion: .safetensors)
  var saveUpdate: String?

  @OptionGroup var client: RowClientOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  mutating func validate() throws {
    client.selection.weights = try update.start(or: client.selection.weights)
    guard file != nil || (table.schema != nil && (update.file != nil || showSchema)) else {
      throw ValidationError(
        "There is no table; give a CSV file, or a client's --update with the --schema of its table."
      )
    }
    try update.refuseFindingScale()
    if update.file != nil, !client.defence.defences.isEmpty || saveUpdate != nil {
      throw ValidationError(
        "--defence and --save-update simulate a client, and --update comes from a real one; leave them out."
      )
    }
    if update.file != nil, file == nil, client.rows.rows != nil {
      throw ValidationError("--rows are those of a table to measure by; give its file too.")
    }
  }

  /// What the options say; no table is read.
  private func plan() throws -> RowExperiments {
    try client.experiments(on: table.choice(of: file))
  }

  /// What the options ask for: one experiment for each update.
  func experiments(on runner: RowRunner) throws -> [Experiment] {
    let plan = try plan()
    guard let update = update.choice(batchSize: client.batchSize) else {
      return try plan.simulated(on: runner)
    }
    return [try plan.captured(update)]
  }

  func run() throws {
    guard !showSchema else {
      let choice = table.choice(of: file)
      let loaded = try naming(RowExperiments.options) { try LoadedTable(choice) }
      return Terminal.print(loaded.schema.yaml)
    }
    let runner = try plan().runner(output)
    let experiments = try experiments(on: runner)
    if saveUpdate != nil, experiments.count > 1 {
      throw ValidationError(
        "--save-update writes one update, and these rows make \(experiments.count); give fewer, or a larger --batch-size."
      )
    }
    try ExperimentSession(runner, output).conclude(
      experiments, besides: [file, table.schema, update.file].compactMap(\.self)
    ) { prepared in
      guard let saveUpdate, let rows = prepared.first as? PreparedRows else { return }
      try rows.check()
      try rows.inputs.writeUpdate(to: saveUpdate)
    }
  }
}

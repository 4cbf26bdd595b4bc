import ArgumentParser
import Audit
import Clients

/// Experiments on rows of a table as several commands make them.
struct RowExperiments {
  /// What all share; its data have no rows yet.
  let base: Experiment
  let rows: RowOptions
  /// Rows of each client that share an update.
  let batchSize: Int
  /// Updates where it is not said how many.
  let usualUpdates: Int
  let training: LocalTrainingOptions
  let aggregate: ClientOptions

  /// - Parameters:
  ///   - base: model, attack and defences.
  ///   - table: that the rows are of.
  init(
    _ base: Experiment, on table: TableChoice, rows: RowOptions, batchSize: Int,
    usualUpdates: Int = 1, training: LocalTrainingOptions, aggregate: ClientOptions
  ) {
    var base = base
    base.data.table = table
    base.data.table?.clients = rows.by
    self.base = base
    (self.rows, self.batchSize, self.usualUpdates) = (rows, batchSize, usualUpdates)
    (self.training, self.aggregate) = (training, aggregate)
  }

  /// A runner of all of them.
  func runner(_ output: OutputOptions) throws -> RowRunner {
    try naming(RowExperiments.options) {
      try base.check()
      let runner = try RowRunner(
        base, batchSizes: [batchSize * aggregate.clients], backend: output.backend)
      for note in runner.notes { Notes.remark(note) }
      return runner
    }
  }

  /// Places of experiments under the names that options of rows have.
  static let options = ["data.table": "The table"]

  /// One experiment for each update of simulated clients.
  ///
  /// - Throws: ``ValidationError`` when there are fewer rows than are asked for.
  func simulated(on runner: RowRunner) throws -> [Experiment] {
    var experiment = base
    let size = batchSize * aggregate.clients
    if let given = try rows.given() {
      experiment.data.examples = given.map(String.init)
      try aggregate.checkRound(examples: given.count, "rows", batchSize: batchSize)
    } else {
      experiment.data.examples = try naming(RowExperiments.options) {
        try runner.table.drawnRows(
          batchSize: size, updates: rows.batches ?? usualUpdates,
          isOfEach: rows.batches != nil, by: base.data.table?.clients, seed: base.attack.seed
        ).map(String.init)
      }
    }
    return try experiment.divided(into: size).map { part in
      var part = part
      part.client = try training.choice(
        exampleCount: part.data.examples.count / aggregate.clients, aggregate)
      return part
    }
  }

  /// The experiment on an update that a client shared, measured by the rows that are named.
  func captured(_ update: UpdateChoice) throws -> Experiment {
    var experiment = base
    experiment.client = try training.choice(exampleCount: batchSize, aggregate)
    experiment.data.update = update
    experiment.data.examples = try rows.given()?.map(String.init) ?? []
    return experiment
  }
}

/// What `table` and `demo table` are told of clients and attacker.
struct RowClientOptions: ParsableArguments {
  @OptionGroup(title: HelpTitle.data) var rows: RowOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Rows that share one gradient.", valueName: "n"))
  var batchSize = 8

  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection
  @OptionGroup(title: HelpTitle.model) var loss: LossOptions
  @OptionGroup(title: HelpTitle.training, visibility: .rare) var training: LocalTrainingOptions
  @OptionGroup(title: HelpTitle.training) var aggregate: ClientOptions
  @OptionGroup(title: HelpTitle.attack) var attack: AttackOptions
  @OptionGroup(title: HelpTitle.attack) var threat: AttackerOptions
  @OptionGroup(title: HelpTitle.defence) var defence: DefenceOptions

  func validate() throws {
    try training.checkSteps(of: aggregate)
    try check("--batch-size", batchSize, 1...4096)
  }

  /// What the options say of rows of a table, which is not read.
  func experiments(on table: TableChoice) throws -> RowExperiments {
    var base = try Experiment(
      selection, loss: loss, attack: attack, by: threat, default: .automatic, on: .rows)
    try base.add(defence)
    return RowExperiments(
      base, on: table, rows: rows, batchSize: batchSize, training: training, aggregate: aggregate)
  }
}

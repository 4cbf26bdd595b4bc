import ArgumentParser
import Audit
import Clients
import Solvers

/// The experiments that a command's options describe, on rows of a table.
struct RowExperiments {
  /// What all share; its data have no rows yet.
  let base: Experiment
  let rows: RowOptions
  let training: LocalTrainingOptions
  let aggregate: ClientOptions

  /// - Parameter table: that the rows are of.
  init(
    _ table: TableChoice, rows: RowOptions, selection: ModelSelection, loss: LossOptions,
    attack: AttackOptions, threat: AttackerOptions, training: LocalTrainingOptions,
    aggregate: ClientOptions, defence: DefenceOptions
  ) throws {
    var base = try Experiment(
      selection, loss: loss, attack: attack, by: threat, default: .automatic)
    base.model = try selection.choice(
      of: selection.chosenModel ?? DataKinds.descriptor(.rows).usualModel)
    base.data = ExperimentData(.rows)
    base.data.table = table
    base.data.table?.clients = rows.by
    try base.add(defence)
    (self.base, self.rows, self.training, self.aggregate) = (base, rows, training, aggregate)
  }

  /// A runner of all of them.
  func runner(_ output: OutputOptions) throws -> RowRunner {
    try naming(RowExperiments.options) {
      try base.check()
      let runner = try RowRunner(
        base, batchSizes: [rows.batchSize * aggregate.clients], backend: output.backend)
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
    let size = rows.batchSize * aggregate.clients
    if let given = try rows.given() {
      experiment.data.examples = given.map(String.init)
      try aggregate.checkRound(examples: given.count, "rows", batchSize: rows.batchSize)
    } else if let column = base.data.table?.clients {
      experiment.data.examples = try drawn(size, by: column, runner.table).map(String.init)
    } else {
      let known = runner.table.labelledRows
      guard size * rows.batches <= known.count else {
        throw ValidationError(
          "\(rows.batches) updates of \(size) rows are \(size * rows.batches) rows, and the table has "
            + "\(known.count) with a label; give a smaller --batch-size or --batches.")
      }
      var source = RandomSource(seed: base.attack.seed).derive(label: "rows")
      let order = source.permutation(of: known.count).prefix(size * rows.batches)
      experiment.data.examples = order.map { String(known[$0]) }
    }
    return try experiment.divided(into: size).map { part in
      var part = part
      part.client = try training.choice(
        exampleCount: part.data.examples.count / aggregate.clients, aggregate)
      return part
    }
  }

  /// Rows of every client in turn, for as many updates of each as are asked for.
  private func drawn(_ size: Int, by column: String, _ table: LoadedTable) throws -> [Int] {
    let clients = try naming(RowExperiments.options) { try table.clients(by: column) }
    let limit = 1000
    guard clients.count <= limit else {
      throw ValidationError(
        "--by: the column \(column.quotedForMessage) has \(clients.count) values, and there are \(limit) clients at most."
      )
    }
    return try clients.flatMap { client in
      let count = size * rows.batches
      guard count <= client.rows.count else {
        throw ValidationError(
          "\(rows.batches) updates of \(size) rows are \(count) rows, and \(client.name.quotedForMessage) has \(client.rows.count) with a "
            + "label; give a smaller --batch-size or --batches.")
      }
      var source = RandomSource(seed: base.attack.seed).derive(label: "rows of " + client.name)
      return source.permutation(of: client.rows.count).prefix(count).map { client.rows[$0] }
    }
  }

  /// The experiment on an update that a client shared, measured by the rows that are named.
  func captured(_ update: UpdateChoice) throws -> [Experiment] {
    var experiment = base
    experiment.client = try training.choice(exampleCount: rows.batchSize, aggregate)
    experiment.data.update = update
    experiment.data.examples = try rows.given()?.map(String.init) ?? []
    return [experiment]
  }
}

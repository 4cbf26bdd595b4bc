import Attacks
import Clients
import ModelIO
import Solvers
import TensorGraph

/// An experiment on rows whose table was read.
package struct PreparedRows: PreparedExperiment {
  /// The same on the rows as inputs.
  package let inputs: PreparedPictures
  let runner: RowRunner
  /// The private batch, or what an update is measured by; empty where it is not known.
  let truth: [PrivateRow]

  package var experiment: Experiment { inputs.experiment }
  package var notes: [Sentence] { inputs.notes }
  package var name: String { inputs.name }
  package var isSimulated: Bool { inputs.isSimulated }
  /// A little more than what counts as recognisable.
  package var provenScore: Double { LeakThreshold.recognisableCells + 0.1 }

  package func varied(_ change: (inout Experiment) -> Void) -> PreparedRows {
    PreparedRows(inputs: inputs.varied(change), runner: runner, truth: truth)
  }

  package func check() throws { try inputs.check() }

  package func fit() throws(AttackError) -> (misfit: UpdateMisfit?, truth: TruthCheck?) {
    try inputs.fit()
  }

  /// Attacks the rows as inputs, then takes what was found back to rows, checks these against the update and compares
  /// them with the private ones.
  package func run(observe: (ExperimentProgress) -> SolverDecision) throws -> AuditOutcome {
    let outcome = try inputs.run { state in
      // Decibels say nothing of cells.
      observe(ExperimentProgress(state.attack, stage: state.stage, steps: state.steps) { .nan })
    }
    guard let attacked = outcome.attacked else { return outcome }
    let rows = zip(outcome.numbers, attacked.labels).map { input, label in
      runner.table.encoding.snapped(input.doubles) + [runner.cell(ofLabel: label, attacked.loss)]
    }
    let restarts = attacked.restarts.map { $0.map { runner.table.encoding.snapped($0.doubles) } }
    let certificate = try RowCertificate(
      rows, runner, attacked, seed: experiment.attack.seed)
    var record = outcome.record
    record.kind = .rows
    record.images = []
    for index in record.trace.indices { record.trace[index].psnr = nil }
    record.method = record.trials[record.bestTrial].method
    record.relativeDistance = JSONNumber(certificate.relativeDistance)
    record.isCertain = certificate.holds
    record.nearMisses = certificate.nearMisses
    var details = TableDetails(runner.table)
    details.enterOccurringWords(
      attacked.update, attacked.weighted.model, runner.table, truth: truth)
    details.client = try client()
    record.table = details
    record.examples = RowScores(
      runner.table, truth: truth, found: rows, restarts: restarts, seed: experiment.attack.seed,
      name: name
    ).examples()
    if isSimulated, attacked.update.loss.targets != nil { record.grantLabels() }
    return AuditOutcome(
      record: record, timing: outcome.timing, wasInterrupted: outcome.wasInterrupted)
  }
}

extension PreparedRows {
  /// Whose the private rows are, where a column says it and all are one client's.
  private func client() throws(ExperimentError) -> String? {
    guard let column = experiment.data.table?.clients else { return nil }
    let rows = Set(experiment.data.examples.compactMap { Int($0) })
    return try runner.table.clients(by: column).first { rows.isSubset(of: $0.rows) }?.name
  }
}

extension RunRecord {
  /// Says that the labels were no finding: numbers of a regression reach the attack as the list of those that a simulated
  /// client has.
  fileprivate mutating func grantLabels() {
    threatModel.known = ThreatModel.Fact.allCases.filter {
      $0 == .labels || threatModel.known.contains($0)
    }
    for index in examples.indices { examples[index].isLabelGiven = true }
  }
}

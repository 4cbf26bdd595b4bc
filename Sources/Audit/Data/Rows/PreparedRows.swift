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
    let certificate = try RowCertificate(
      rows.map { runner.input(of: $0) }, attacked, backend: runner.inputs.backend)
    var record = outcome.record
    record.kind = .rows
    record.images = []
    for index in record.trace.indices { record.trace[index].psnr = nil }
    record.method = record.trials[record.bestTrial].method
    record.relativeDistance = JSONNumber(certificate.relativeDistance)
    record.isCertain = certificate.holds
    record.table = TableDetails(runner.table)
    record.examples = RowScores(
      runner.table, truth: truth, found: rows, seed: experiment.attack.seed, name: name
    ).examples()
    if isSimulated, attacked.update.loss.targets != nil { record.grantLabels() }
    return AuditOutcome(
      record: record, timing: outcome.timing, wasInterrupted: outcome.wasInterrupted)
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

/// Whether rows have the update that was shared: then they are no guess.
struct RowCertificate {
  /// Squared distance between the rows' update and the shared one, relative to the latter's squared norm.
  let relativeDistance: Double
  /// Whether that is rounding.
  let holds: Bool

  /// What arithmetic in f64 and in f32 leaves at most, squared: sums in another order stay below, another value of one cell
  /// well above. Numbers of fewer digits certify nothing.
  private static let (exactRounding, singleRounding) = (1e-24, 1e-12)
  /// Updates with less error than this were computed and stored in f64.
  private static let energyOfDoubles = 1e-20

  /// - Parameter inputs: of the rows, in the order of the attack's labels.
  /// - Throws: ``AttackError`` when the backend fails.
  init(
    _ inputs: [Tensor], _ attacked: AttackedUpdate, backend: any Backend
  ) throws(AttackError) {
    let update = attacked.update
    let dtype = update.gradients.first?.dtype ?? .f64
    let own = try attacked.weighted.share(
      images: stacked(inputs).converted(to: dtype), labels: attacked.labels, loss: attacked.loss,
      training: update.training, mode: attacked.mode, backend: backend)
    var distance = 0.0
    for parameter in update.sharedParameters {
      let pairs = zip(own.gradients[parameter].doubles, update.gradients[parameter].doubles)
      distance += pairs.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
    let norm = max(update.squaredNorm, .leastNormalMagnitude)
    relativeDistance = distance / norm
    let energy = update.sharedParameters.reduce(0) { $0 + update.roundingEnergies[$1] }
    holds =
      relativeDistance
      <= (energy / norm < RowCertificate.energyOfDoubles
        ? RowCertificate.exactRounding : RowCertificate.singleRounding)
  }
}

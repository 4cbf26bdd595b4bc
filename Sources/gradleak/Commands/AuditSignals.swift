import ArgumentParser
import Audit
import Clients

/// An audit of signals.
extension AuditCommand {
  /// Whether signals are audited.
  var isOnSignals: Bool { signal.file != nil }

  /// What signals do not go with.
  ///
  /// - Throws: ``ValidationError``.
  func checkSignals() throws {
    if let image = images.first {
      throw ValidationError(
        "The picture \(image.quotedForMessage) is given beside a signal; give one of them.")
    }
    guard !texts.isGiven, !textModel.isGiven else {
      throw ValidationError("There are texts or a language model, and a signal; give one of them.")
    }
    guard rows.rows == nil, rows.by == nil, property == nil else {
      throw ValidationError(
        "--rows, --by and --property are of a table; give its file with --table.")
    }
    try update.refuseFindingScale()
  }

  private func signalExperiments() throws -> SignalExperiments {
    try SignalExperiments(
      try undefended(on: .signals), on: [signal.file].compactMap(\.self),
      try signal.reading.choice(),
      labels: labels.given, batchSize: batchSize, updates: rows.batches ?? LeakageGrade.unitsForA,
      asked: rows.batches != nil, training: training, aggregate: aggregate, output: output)
  }

  /// The experiment on a client's update, measured by the signal that is named.
  func signalUpdate() throws -> (ExperimentSession, Experiment) {
    let experiments = try signalExperiments()
    guard let choice = update.choice(batchSize: batchSize),
      let experiment = try experiments.captured(choice).first
    else { throw ValidationError("There is no --update; give one.") }
    return (ExperimentSession(experiments.runner, output), experiment)
  }

  /// Attacks signals, and looks for defences.
  func simulateSignals() throws -> LeakageAudit.Result {
    for kind in try searchedKinds() { try kind.check(data: .signals) }
    let experiments = try signalExperiments()
    let session = ExperimentSession(experiments.runner, output)
    let prepared = try experiments.simulated().map { try session.prepare($0) }
    for experiment in prepared { try experiment.check() }
    return try audit(prepared, experiments.runner)
  }
}

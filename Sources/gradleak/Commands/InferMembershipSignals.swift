import ArgumentParser
import Audit
import Clients
import ModelIO

/// Parts of a recording that are asked for.
extension InferMembershipCommand {
  /// Whether signals are asked for.
  var isOnSignals: Bool { signal.file != nil }

  /// What signals do not go with.
  ///
  /// - Throws: ``ValidationError``.
  func checkSignals() throws {
    guard table.file == nil, rows == nil, !texts.isGiven, !textModel.isGiven else {
      throw ValidationError("There are a signal and other data; give one of them.")
    }
    guard pictures.isEmpty || update.file != nil else {
      throw ValidationError(
        "\(pictures[0].quotedForMessage) is given beside a signal; parts of its recording are drawn."
      )
    }
    try update.refuseFindingScale()
  }

  /// Who is told among parts of the recording that do not overlap.
  func ofSignals() throws -> MembershipRecord {
    guard let recording = signal.file else { throw ValidationError("There is no --signal.") }
    var experiment = try experiment(on: recording, try signal.reading.choice())
    let runner = try SignalRunner(
      experiment, batchSizes: [1, batchSize], backend: try output.backend)
    for note in runner.notes { Notes.remark(note) }
    let loss = try experiment.loss.clientLoss(of: runner.inputs.selected)
    experiment.data.examples = []
    let study = MembershipStudy(runner.inputs, experiment, kind: .signals)
    if experiment.data.update != nil {
      let prepared = try runner.prepareSignals(experiment)
      return try study.judge(
        prepared.inputs, candidates: try runner.examples(pictures),
        known: try runner.examples(known))
    }
    let pool = MembershipStudy.labelled(
      try runner.examples(try runner.parts(of: recording)), for: runner.inputs.selected.model, loss,
      seed: seed)
    return try simulate(study, pool.distinct, loss)
  }
}

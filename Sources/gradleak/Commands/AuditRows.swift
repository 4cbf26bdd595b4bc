import ArgumentParser
import Audit
import Clients
import Foundation

/// An audit of rows of a table.
extension AuditCommand {
  /// Share of the budget that is kept for members and properties.
  private static let inferenceShare = 0.1

  /// Whether rows are audited.
  var isOnRows: Bool { table.choice != nil }

  /// What rows do not go with.
  ///
  /// - Throws: ``ValidationError``.
  func checkRows() throws {
    if let image = images.first {
      throw ValidationError(
        "The picture \(image.quotedForMessage) is given beside a table; give one of them.")
    }
    guard !texts.isGiven, !textModel.isGiven else {
      throw ValidationError("There are texts or a language model, and a table; give one of them.")
    }
    guard labels.given == nil else {
      throw ValidationError(
        "--labels are of pictures and texts; a table's are in its column --label.")
    }
    try update.refuseFindingScale()
    if update.file == nil { try table.checkFile() }
    guard update.file == nil || property == nil else {
      throw ValidationError(
        "--property is of simulated clients; ask of an --update with 'gradleak infer property'.")
    }
    if let property, PropertyRule(property) == nil {
      throw ValidationError(
        "--property is \(property.quotedForMessage); give a column, one of =, < and >, and a value (a number behind < and >)."
      )
    }
  }

  private func rowExperiments() throws -> RowExperiments {
    RowExperiments(
      try undefended(on: .rows), on: table.choice ?? TableChoice(), rows: rows,
      batchSize: batchSize, usualUpdates: LeakageGrade.unitsForA, training: training,
      aggregate: aggregate)
  }

  /// The experiment on a client's update, measured by the rows that are named.
  func rowUpdate() throws -> (ExperimentSession, Experiment) {
    let experiments = try rowExperiments()
    guard let choice = update.choice(batchSize: batchSize) else {
      throw ValidationError("There is no --update; give one.")
    }
    return (
      ExperimentSession(try experiments.runner(output), output), try experiments.captured(choice)
    )
  }

  /// Attacks rows, looks for defences, and asks who is in the batches and whether they have a property.
  func simulateRows() throws -> LeakageAudit.Result {
    for kind in try searchedKinds() { try kind.check(data: .rows) }
    let start = ContinuousClock.now
    let experiments = try rowExperiments()
    let runner = try experiments.runner(output)
    let prepared = try experiments.simulated(on: runner).map { try runner.prepareRows($0) }
    for experiment in prepared { try experiment.check() }
    let inference = RowInference(runner, prepared, rule: property.flatMap(PropertyRule.init))
    var result = try audit(prepared, runner, share: 1 - AuditCommand.inferenceShare)
    let display = LiveDisplay(isEnabled: !output.quiet)
    defer { display.clear() }
    try inference.add(
      to: &result, until: start + .seconds(budget), observe: { step in display.update { step } },
      shouldStop: { Interruption.isRequested })
    return result
  }
}

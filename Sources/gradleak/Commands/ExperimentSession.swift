import ArgumentParser
import Attacks
import Audit
import Foundation
import ModelIO
import TensorGraph

/// Runs experiments one after another, shows how far they are, and gathers their outcomes.
struct ExperimentSession {
  let runner: any ExperimentRunner
  private let output: OutputOptions

  init(_ runner: any ExperimentRunner, _ output: OutputOptions) {
    (self.runner, self.output) = (runner, output)
  }

  /// Reads an experiment's files.
  ///
  /// - Parameter names: as of ``ExperimentRunner/prepare(_:names:)``.
  func prepare(
    _ experiment: Experiment, names: [String]? = nil
  ) throws -> any PreparedExperiment {
    try naming { try runner.prepare(experiment, names: names) }
  }

  /// Reads the experiment on an update whose factor is not known, with the one that its last layer tells.
  ///
  /// - Throws: ``ValidationError`` for an update that does not tell it: of several examples or steps.
  func prepareFindingScale(_ experiment: Experiment) throws -> any PreparedExperiment {
    guard experiment.batchSize == 1, !experiment.client.hasLocalSteps else {
      throw ValidationError(
        "--find-scale reads the factor off one step on a single picture; give --learning-rate or --loss-scale."
      )
    }
    var experiment = experiment
    let isOfWeights = experiment.data.update?.kind.isOfWeights == true
    let rate = experiment.client.learningRate ?? 1
    if isOfWeights { experiment.client.learningRate = rate }
    let prepared = try prepare(experiment)
    guard let misfit = try prepared.fit().misfit, misfit.kind == .factor, let factor = misfit.value
    else { return prepared }
    if isOfWeights {
      experiment.client.learningRate = rate * factor
      Notes.remark("The learning rate was found by the last layer: \(rate * factor).")
    } else {
      experiment.loss.scale *= factor
      Notes.remark("The loss's scale was found by the last layer: \(experiment.loss.scale).")
    }
    return try prepare(experiment)
  }

  /// Reads experiments, runs them, and prints and writes what they gave.
  ///
  /// - Parameters:
  ///   - inputs: files that the results' folder must not replace.
  ///   - prelude: called when all was read and the folder can be written, before anything runs.
  func conclude(
    _ experiments: [Experiment], besides inputs: [String] = [],
    after prelude: ([any PreparedExperiment]) throws -> Void = { _ in }
  ) throws {
    let prepared = try experiments.map { try prepare($0) }
    let writer = try output.folder(besides: inputs).map { ResultWriter(folder: $0) }
    try prelude(prepared)
    for note in prepared.flatMap(\.notes) { Notes.remark(note) }
    try finish(try run(prepared), writer)
  }

  /// Notes what may have kept examples from coming back.
  private func explain(_ outcomes: [AuditOutcome]) {
    let open = outcomes.map(\.record).filter { record in
      record.judged.contains { record.level(of: $0) < .full }
    }
    let pictures =
      runner as? PictureRunner ?? (runner as? RowRunner)?.inputs
      ?? (runner as? SignalRunner)?.inputs
    guard let pictures, !open.isEmpty else { return }
    for record in open {
      guard let experiment = record.experiment, experiment.data.update != nil,
        experiment.drawsWeights
      else { continue }
      Notes.warn(
        """
        The model is untrained, with weights drawn from seed \(record.configuration.seed). Unless the client \
        started from these, give its weights with \(.weights).
        """)
    }
    let report = pictures.selected.model.smoothness(mode: pictures.selected.mode)
    let wasSearched = open.contains { $0.trials.contains { $0.iterations > 0 } }
    if wasSearched, !report.isSmooth { Notes.remark("Searches suffer from \(report.findings).") }
  }

  /// Runs experiments until all are done or the user presses Ctrl-C.
  func run(_ experiments: [any PreparedExperiment]) throws -> [AuditOutcome] {
    var view = ExperimentView(output)
    Interruption.listen()
    for experiment in experiments { try experiment.check() }
    var outcomes: [AuditOutcome] = []
    for experiment in experiments {
      let check = try experiment.fit()
      for misfit in [check.misfit, check.truth?.misfit].compactMap(\.self) {
        // Before the attack, which may be long.
        Terminal.printNote(misfit.sentence.namingOptions, head: "warning: ")
      }
      let finished = outcomes.map(\.timing.attackSeconds)
      let outcome = try experiment.run { state in
        view.update(state) {
          ExperimentProgressLine(
            experiment, state, finished: finished, count: experiments.count
          ).text
        }
        return Interruption.isRequested ? .stop(.interrupted) : .proceed
      }
      view.clear()
      if let misfit = outcome.record.misfit, !experiment.isSimulated, misfit != check.misfit {
        Notes.warn(misfit.sentence)
      }
      outcomes.append(outcome)
      if outcome.wasInterrupted || Interruption.isRequested { break }
    }
    explain(outcomes)
    return outcomes
  }

  /// Prints and writes what the runs gave, and ends with the status for an interrupted one.
  func finish(_ outcomes: [AuditOutcome], _ writer: ResultWriter?) throws {
    let written = try writer.map { try $0.write(outcomes) }
    let records = outcomes.map(\.record)
    if output.json {
      Terminal.print(
        try ResultWriter.json(writer == nil ? records : ResultWriter.records(of: outcomes)))
    } else {
      ResultSentence(records).print()
      Terminal.print()
      if records.allSatisfy({ $0.kind == .pictures }) {
        ResultTable(outcomes: outcomes).print()
      } else if records.allSatisfy({ $0.kind == .rows }) {
        RowResult(records).print()
        RowResult(records).printSummary()
      } else if records.allSatisfy({ $0.kind == .signals }) {
        SignalResult(records).print()
        SignalResult(records).printSummary()
      } else {
        for record in records { TextResult(record).print(output) }
        TextSummary(records).print()
      }
      if let written { Terminal.printWritten(written) }
    }
    if Interruption.isRequested {
      Terminal.printError("Interrupted; this is the best so far.")
      throw FinishedWithStatus(status: ExitStatus.interrupted)
    }
  }
}

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
    guard let pictures = runner as? PictureRunner, !open.isEmpty else { return }
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
    let view = ExperimentView(output)
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
          ExperimentSession.line(
            state.attack, score: state.score(), experiment, finished: finished,
            count: experiments.count)
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

  /// For instance "[2/7] chelsea  trial 1/5  812/6000  loss 2.1e-06  31 dB  1310/s  ETA 0:35":
  /// iterations, matching loss, PSNR, evaluations a second, and the estimated time left for all jobs.
  private static func line(
    _ progress: AttackProgress, score: Double, _ experiment: any PreparedExperiment,
    finished: [Double], count: Int
  ) -> String {
    let configuration = experiment.experiment.attack
    let solver = progress.solver
    let rate = Double(progress.evaluations) / max(progress.seconds, 1e-9)
    // One line of 80 columns.
    let name = experiment.name.count > 13 ? experiment.name.prefix(12) + "…" : experiment.name[...]
    let left = remaining(
      progress, rate: rate, configuration, finished: finished, count: count)
    return [
      "[\(finished.count + 1)/\(count)] \(name)",
      "trial \(progress.trial + 1)/\(configuration.trials)",
      "\(solver.iteration)/\(configuration.iterations)",
      String(format: "loss %.1e", solver.value),
      score.isNaN ? "" : String(format: "%.0f dB", score),
      String(format: "%.0f/s", rate),
      "ETA \(ProgressLine.clock(left))",
    ].filter { !$0.isEmpty }.joined(separator: "  ")
  }

  /// Estimated seconds left for all jobs. A job takes as long as the `finished` ones did on average;
  /// before there are any, or after that time, as if its present trial went to its limit.
  private static func remaining(
    _ progress: AttackProgress, rate: Double, _ configuration: AttackConfiguration,
    finished: [Double], count: Int
  ) -> Double {
    let solver = progress.solver
    let perIteration = Double(solver.evaluations) / Double(max(solver.iteration, 1))
    let ofTrial = min(
      Double(max(configuration.iterations - solver.iteration, 0)) * perIteration / max(rate, 1e-9),
      (configuration.timeLimit ?? .infinity) - progress.seconds)
    let average =
      finished.isEmpty
      ? progress.seconds + ofTrial : finished.reduce(0, +) / Double(finished.count)
    let ofJob = progress.seconds < average ? average - progress.seconds : ofTrial
    return ofJob + average * Double(count - finished.count - 1)
  }
}

/// Shows how far an attack is: texts as they settle in a terminal, else a line of progress.
private struct ExperimentView {
  private let line: ProgressLine
  private let texts: SettlingTexts

  init(_ output: OutputOptions) {
    line = ProgressLine(isEnabled: !output.quiet)
    texts = SettlingTexts(isEnabled: !output.quiet && !output.json)
  }

  /// - Parameter iterations: the line of a search, which has no stage.
  func update(_ state: ExperimentProgress, iterations: () -> String) {
    guard let stage = state.stage else {
      line.update(iterations)
      return
    }
    let loss = state.attack.solver.value
    let steps = state.steps.map { "/\($0)" } ?? ""
    let head =
      "\(stage) \(state.attack.solver.iteration)\(steps)"
      + (loss.isNaN ? "" : String(format: "  loss %.1e", loss))
    let isDrawn = texts.update {
      (head, state.texts().map(\.escapingControlCharacters))
    }
    if !isDrawn {
      line.update { "\(head)  \(state.texts().last?.escapingControlCharacters ?? "")" }
    }
  }

  func clear() {
    texts.clear()
    line.clear()
  }
}

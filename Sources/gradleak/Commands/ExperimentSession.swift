import Audit
import Foundation
import Leakage
import ModelIO
import TensorGraph

/// Runs experiments one after another, shows how far they are, and gathers their outcomes.
struct ExperimentSession {
  var runner: ExperimentRunner
  private let output: OutputOptions

  init(_ selected: SelectedModel, _ output: OutputOptions) {
    self.output = output
    runner = ExperimentRunner(
      selected, backend: output.backend)
  }

  /// Reads an experiment's files.
  ///
  /// - Parameters: as of ``ExperimentRunner/prepare(_:names:pictures:)``.
  mutating func prepare(
    _ experiment: Experiment, names: [String]? = nil, pictures: [PrivateExample]? = nil
  ) throws -> PreparedExperiment {
    try naming { try runner.prepare(experiment, names: names, pictures: pictures) }
  }

  /// Says what the model's smoothness means for an attack, when there is something to say.
  func explainSmoothness(_ attack: AttackName) {
    guard AttackCatalog.searches(attack) else { return }
    let report = runner.selected.model.smoothness(mode: runner.selected.mode)
    guard !report.isSmooth else { return }
    Terminal.printNote(report.explanation)
  }

  /// Runs experiments until all are done or the user presses Ctrl-C.
  mutating func run(_ experiments: [PreparedExperiment]) throws -> [AuditOutcome] {
    let progress = ProgressLine(isEnabled: !output.quiet)
    Interruption.listen()
    for experiment in experiments { try runner.check(experiment) }
    var outcomes: [AuditOutcome] = []
    for experiment in experiments {
      let check = try runner.fit(of: experiment)
      for misfit in [check.misfit, check.truth?.misfit].compactMap(\.self) {
        Terminal.printNote(misfit.sentence, head: "warning: ")
      }
      let finished = outcomes.map(\.timing.attackSeconds)
      let outcome = try runner.run(experiment) { state, psnr in
        progress.update {
          ExperimentSession.line(
            state, psnr: psnr(), experiment, finished: finished, count: experiments.count)
        }
        return Interruption.isRequested ? .stop(.interrupted) : .proceed
      }
      progress.clear()
      if let misfit = outcome.record.misfit, experiment.batch.isEmpty, misfit != check.misfit {
        Terminal.printNote(misfit.sentence, head: "warning: ")
      }
      outcomes.append(outcome)
      if outcome.wasInterrupted || Interruption.isRequested { break }
    }
    return outcomes
  }

  /// For instance "[2/7] chelsea  trial 1/5  812/6000  loss 2.1e-06  31 dB  1310/s  ETA 0:35":
  /// iterations, matching loss, PSNR, evaluations a second, and the estimated time left for all jobs.
  private static func line(
    _ progress: AttackProgress, psnr: Double, _ experiment: PreparedExperiment,
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
      psnr.isNaN ? "" : String(format: "%.0f dB", psnr),
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

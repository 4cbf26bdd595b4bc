import Clients
import Solvers
import TensorGraph

/// Reads images off moves that are next to signs, as those of Adam, AdamW and RMSprop are: the cosine between them and
/// those of dummy images, whose divisors are wide at first and narrow in the end.
public struct SignMatchingAttack: Attack {
  /// `sign-matching`.
  public let descriptor = AttackDescriptor(
    name: .signMatching,
    summary: "cosine of signs that are smoothed less and less, for Adam, AdamW and RMSprop",
    needs: AttackNeed.gradient + AttackNeed.localSteps, category: .informedEavesdropper,
    searches: true)

  /// The attack; it has no options.
  public init() {}

  /// Shares of a gradient's root mean square that are added to what it is divided by, one stage after another.
  ///
  /// Signs of one step leave much open, and smooth images are the likeliest: the last width leaves their total
  /// variation a say. Several steps tell sizes by how they differ, down to the client's own divisor.
  static func widths(_ training: LocalTraining) -> [Double] {
    training.stepsPerClient == 1
      ? [1, 0.3, 0.1, 0.05] : [1, 0.3, 0.1, 0.03, 3e-3, 3e-4, 3e-5, 3e-6, 0]
  }

  /// From random starts; the one with the highest cosine counts.
  public func run(_ problem: AttackProblem, _ run: inout AttackRun) throws(AttackError) {
    try search(trials: problem.configuration.trials, problem, &run)
  }

  /// Enters the trials.
  ///
  /// - Parameter follow: called after each of them; ends the search where it says so.
  func search(
    trials: Int, _ problem: AttackProblem, _ run: inout AttackRun,
    follow: (inout AttackRun) throws(AttackError) -> Bool = { _ in false }
  ) throws(AttackError) {
    guard let training = problem.update.training, training.rule.isAdaptive else {
      throw AttackError(
        problem.sharedTraining?.rule.isAdaptive == true
          ? "this update's numbers are exact enough to tell the gradient behind its one step, not its signs "
            + "alone; use the attack auto"
          : "sign-matching is for clients whose optimiser divides each number by its own size (adam, adamw, "
            + "rmsprop); use the attack auto")
    }
    guard let labels = try problem.likelyLabels() else {
      throw AttackError(
        "the signs do not tell the labels of this update, which sign-matching takes as given; give them"
      )
    }
    let smoothed = try run.compiling { () throws(GraphError) in
      try SmoothedMatching(problem, labels: labels)
    }
    let exact = try problem.matching(labels: labels, &run)
    for trial in 0..<trials {
      let start = problem.dummyBatch(trial, dimension: smoothed.dimension)
      try run.search(method: descriptor.method, labels: { _ in labels }) {
        observer throws(GraphError) in
        let result = try descend(
          smoothed, from: start, widths: Self.widths(training), problem, observer)
        return AttackRun.Outcome(result, matchingLoss: try exact.value(at: result.point))
      }
      if run.isFinished { return }
      if try follow(&run) { return }
    }
  }

  private func descend(
    _ function: SmoothedMatching, from start: [Double], widths: [Double],
    _ problem: AttackProblem,
    _ observe: (SolverProgress, UnsafeBufferPointer<Double>) -> SolverDecision
  ) throws(GraphError) -> SolverResult {
    var point = start
    var (iterations, evaluations, reason) = (0, 0, StopReason.converged)
    let share = max(problem.configuration.iterations / widths.count, 1)
    for width in widths {
      function.width = width
      let (before, evaluated) = (iterations, evaluations)
      let result = try LBFGS().minimize(
        function, from: point,
        until: StoppingRule(iterations: min(share, Self.stageLimit), solvedBelow: -.infinity)
      ) { progress, point in
        observe(
          SolverProgress(
            iteration: before + progress.iteration, evaluations: evaluated + progress.evaluations,
            value: progress.value, gradientNorm: progress.gradientNorm), point)
      }
      (point, reason) = (result.point, result.reason)
      iterations += result.iterations
      evaluations += result.evaluations
      if [.interrupted, .timeLimit, .goalReached].contains(reason) { break }
    }
    return SolverResult(
      point: point, value: try function.value(at: point), iterations: iterations,
      evaluations: evaluations, reason: reason)
  }

  /// Iterations of a stage at most.
  private static let stageLimit = 600
}

import Clients
import Solvers
import TensorGraph

/// Label first where the gradient tells labels, else together with the data; then Levenberg-Marquardt from
/// random starts (see `LevenbergMarquardt`).
public struct LevenbergMarquardtAttack: Attack {
  /// `lm`.
  public let descriptor = AttackDescriptor(
    name: .levenbergMarquardt, summary: "labels first, then Levenberg-Marquardt",
    needs: AttackNeed.gradient + AttackNeed.localSteps, category: .eavesdropper, searches: true,
    method: "levenberg-marquardt")

  /// The attack; it has no options.
  public init() {}

  /// Searches from random starts until one is solved, and says what the end means.
  public func run(_ problem: AttackProblem, _ run: inout AttackRun) throws(AttackError) {
    try searchWithLikelyLabels(problem, &run)
    try problem.diagnose(&run)
  }

  /// With the labels that the update tells, or else with labels that are sought.
  func searchWithLikelyLabels(
    _ problem: AttackProblem, _ run: inout AttackRun
  ) throws(AttackError) {
    guard let training = problem.update.training, problem.knownLabels == nil,
      !problem.counter.hasMixedLabels
    else { return try search(labels: try problem.likelyLabels(), problem, &run) }
    // Which label belongs to which mini-batch is tried where that is few trials.
    let arrangements = try problem.trainedLabels(training).flatMap {
      training.arrangements(of: $0, limit: Self.arrangementLimit)
    }
    var candidates: [(labels: [Int], function: MatchingResiduals)] = []
    for labels in arrangements ?? [] {
      candidates.append((labels, try problem.residuals(labels, &run)))
    }
    for trial in 0..<min(problem.configuration.trials, Self.arrangementTrials) {
      for (labels, function) in candidates {
        let start = problem.dummyBatch(trial, dimension: function.dimension)
        try descend(function, from: start, labels: labels, problem, &run)
        if run.wasStopped || problem.isSolved(run) { return }
      }
    }
    try search(labels: nil, problem, &run)
  }

  /// Ways to spread labels over mini-batches that are tried at most.
  private static let arrangementLimit = 6

  /// Starts at most for each of these; all but one are wrong.
  private static let arrangementTrials = 2

  /// From random starts, with these labels or with labels that are sought.
  func search(
    labels: [Int]?, _ problem: AttackProblem, _ run: inout AttackRun
  ) throws(AttackError) {
    let function = try problem.residuals(labels, &run)
    for trial in 0..<problem.configuration.trials {
      let start = problem.dummyBatch(trial, dimension: function.dimension)
      try descend(function, from: start, labels: labels, problem, &run)
      if run.wasStopped || problem.isSolved(run) { return }
      if labels == nil, problem.seeksMasks { try settleMasks(problem, &run) }
      if run.wasStopped || problem.isSolved(run) { return }
    }
  }

  /// From the images of the latest trial on, with the masks that it found taken for certain.
  func settleMasks(_ problem: AttackProblem, _ run: inout AttackRun) throws(AttackError) {
    guard let latest = run.entries.last, latest.images.allSatisfy(\.isFinite) else { return }
    try descend(
      try problem.residuals(latest.labels, &run), from: latest.images, labels: latest.labels,
      problem, &run)
  }

  /// From one start.
  ///
  /// - Parameter closedForm: what gave the start, where a closed form did.
  func descend(
    _ function: MatchingResiduals, from start: [Double], labels: [Int]?,
    polishing closedForm: (any ClosedFormAttack)? = nil,
    _ problem: AttackProblem, _ run: inout AttackRun
  ) throws(AttackError) {
    let rule = rule(problem, deadline: run.deadline)
    var method = descriptor.method
    if let closedForm { method = method.polishing(closedForm.descriptor.method) }
    // Labels that are sought are no part of what the closed form solved.
    try run.search(
      method: method, closedForm: labels == nil ? nil : closedForm,
      labels: { labels ?? problem.mostLikelyLabels($0[function.imageCount...]) },
      solve: { observer throws(GraphError) in
        let found = try problem.solver.minimizeSquares(
          function, from: start, until: rule, observe: observer)
        let outcome = try problem.steppingOn(from: found, function, until: rule)
        var end = AttackRun.Outcome(
          labels == nil
            ? outcome.replacing(
              value: try problem.valueWithWholeLabels(function, outcome.result))
            : outcome)
        end.isAstray = problem.isAstray(outcome, after: found)
        return end
      })
  }

  private func rule(
    _ problem: AttackProblem, deadline: ContinuousClock.Instant?
  ) -> StoppingRule {
    var rule = StoppingRule(
      iterations: min(problem.configuration.iterations, 200),
      solvedBelow: AttackProblem.roundingLevel * problem.matched.squaredNorm,
      stagnationWindow: 8,
      stagnationFactor: problem.isNoisy ? AttackProblem.noisyStagnation : 0.9)
    if problem.update.relativeRounding > 0, problem.counter.isNone {
      rule.roundingFloor = min(problem.roundingEnergy, 1e-12 * problem.matched.squaredNorm)
    }
    rule.deadline = deadline
    return rule
  }
}

extension AttackProblem {
  /// Matching loss relative to what rounding leaves from which on an end is doubted.
  private static let doubtedLoss = 1e4

  /// How much an undamped step lowers the loss near a solution at least, where the gradient is nearly linear.
  private static let leastFall = 0.1

  /// Whether a search that found nothing better ended where a solution seems near and rounding is not what keeps it away.
  private func isDoubtful(_ end: SolverResult) -> Bool {
    let rounding = max(roundingEnergy, AttackProblem.roundingLevel * matched.squaredNorm)
    return [.stagnated, .converged].contains(end.reason) && counter.isNone
      && end.value <= acceptedLoss && end.value > AttackProblem.doubtedLoss * rounding
  }

  /// The end after Gauss-Newton steps from a doubtful one, which square its distance to a solution if there is one near;
  /// else as it was.
  fileprivate func steppingOn(
    from end: LevenbergMarquardtResult, _ function: MatchingResiduals, until rule: StoppingRule
  ) throws(GraphError) -> LevenbergMarquardtResult {
    guard isDoubtful(end.result) else { return end }
    var rule = rule
    rule.iterations = 8
    var solver = solver
    (solver.initialDamping, solver.refusalLimit) = (1e-12, 3)
    let next = try solver.minimizeSquares(
      function, from: end.result.point, until: rule, observe: { _, _ in .proceed })
    return next.result.value < end.result.value ? end.followed(by: next) : end
  }

  /// Whether such steps did not help, so that the linear model that certifies a solution does not hold there.
  fileprivate func isAstray(
    _ end: LevenbergMarquardtResult, after doubtful: LevenbergMarquardtResult
  ) -> Bool {
    isDoubtful(doubtful.result)
      && end.result.value > AttackProblem.leastFall * doubtful.result.value
  }
}

extension AttackMethod {
  /// This method from what a closed form gave, which takes what the closed form takes.
  fileprivate func polishing(_ closedForm: AttackMethod) -> AttackMethod {
    AttackMethod(name: name, category: max(closedForm.category, category), needs: needs)
  }
}

import Clients
import Solvers
import TensorGraph

/// The best that applies, from the surest to the most general: label first, closed forms, then
/// Levenberg-Marquardt from random starts, L-BFGS and presets; ends with a ``Diagnosis``.
public struct AutomaticAttack: Attack {
  /// `auto`.
  public let descriptor = AttackDescriptor(
    name: .automatic, summary: "the best that applies: closed forms, then lm, then presets",
    needs: [], category: nil, searches: true)

  /// The attack; it has no options.
  public init() {}

  let secondOrder = LevenbergMarquardtAttack()

  /// Examples of which SPEAR takes less than a second.
  private static let smallBatch = 8

  /// Closed forms to try, from the cheapest to the dearest.
  private func closedForms(for problem: AttackProblem) -> [any ClosedFormAttack] {
    guard problem.weighted.model.labelPositions.rank == 0 else { return [] }
    if problem.update.batchSize > 1 {
      // SPEAR's work grows exponentially with the batch, that of spans does not.
      let small: [any ClosedFormAttack] = [SpearAttack.quick, SpanAttack()]
      return (problem.update.batchSize <= Self.smallBatch ? small : small.reversed())
        + [ResidualPeelingAttack()]
    }
    // Without a defence layer peeling has been tried already.
    return problem.counter.isNone
      ? [LinearLayerAttack(), RGapAttack(), ResidualPeelingAttack(), AprilAttack()]
      : [
        LinearLayerAttack(), RGapAttack(), PeelingAttack(), ResidualPeelingAttack(), AprilAttack(),
      ]
  }

  /// Closed forms where they apply, then second-order search, then presets, until one is certain.
  public func run(_ problem: AttackProblem, _ run: inout AttackRun) throws(AttackError) {
    guard problem.missingFact(secondOrder.descriptor.needs) == nil else {
      return try searchWithWhatIsKnown(problem, &run)
    }
    guard problem.update.training?.rule.isAdaptive != true else {
      return try searchBySigns(problem, &run)
    }
    run.layers = try peelBatch(problem, &run)
    guard !isSmoothestFound(problem, run) else { return try problem.diagnose(&run) }
    func isSolved() -> Bool { problem.isSolved(run) }
    if !run.wasStopped, !isSolved() {
      run.give(share: Self.closedFormShare)
      try solve(problem, &run)
      run.give(share: 1)
    }
    if problem.weighted.model.inputStructure != nil {
      // Rows that have the gradient are not given up for smoother ones, as pictures of few equations are.
      if !run.wasStopped, !problem.isExact(run) { try searchByStructure(problem, &run) }
    } else if !run.wasStopped, !isSolved() {
      if problem.seeksMasks {
        run.give(share: Self.maskShare)
        try searchWithMasks(problem, &run)
        run.give(share: 1)
        if run.wasStopped || isSolved() { return try problem.diagnose(&run) }
      }
      // Where time is short, a search that it does not suffice for is not begun with.
      let isDear = try isDear(problem, &run)
      if isDear { try searchByPresets(share: Self.presetShare, problem, &run) }
      run.give(share: isDear ? 1 : Self.secondOrderShare)
      if !run.wasStopped, !isSolved() { try searchByDescent(problem, &run) }
      run.give(share: 1)
      if isDear, !isCertain(problem, run) { try compare(problem, &run) }
      if !isDear, !run.wasStopped, !isCertain(problem, run) {
        try searchByPresets(problem, &run)
        try compare(problem, &run)
      }
    } else if !run.wasStopped, !isCertain(problem, run) {
      try searchByPresets(problem, &run)
      try compare(problem, &run)
    }
    if run.best == nil {
      run.enterNothing(
        labels: try problem.likelyLabels() ?? problem.anyLabels,
        loss: problem.matched.squaredNorm)
    }
    try problem.diagnose(&run)
  }

  /// Whether the batch is found, and no other can have its gradient.
  private func isCertain(_ problem: AttackProblem, _ run: AttackRun) -> Bool {
    problem.isSolved(run) && problem.equationBound >= problem.unknownCount
  }

  /// Share of the time that closed forms may take.
  private static let closedFormShare = 0.5

  /// Share of the time that Levenberg-Marquardt and L-BFGS may take before the presets have theirs, and of
  /// the presets where they come first.
  private static let (secondOrderShare, presetShare) = (0.6, 0.75)

  /// Share of the time of the first search for images with masks.
  private static let maskShare = 0.5

  /// Normal matrices that Levenberg-Marquardt fills before it is done, roughly.
  private static let usualMatrices = 4.0

  /// Whether Levenberg-Marquardt will not come far in its share of the time, judging by one evaluation;
  /// never without a limit.
  private func isDear(
    _ problem: AttackProblem, _ run: inout AttackRun
  ) throws(AttackError) -> Bool {
    guard run.deadline != nil else { return false }
    let clock = ContinuousClock()
    let function = try problem.matching(
      labels: try problem.likelyLabels() ?? problem.anyLabels,
      &run)
    let point = problem.dummyBatch(0, dimension: function.dimension)
    let start = clock.now
    _ = try run.searching { _ throws(AttackError) in try problem.value(of: function, at: point) }
    // A product with JᵀJ takes about two evaluations.
    let seconds =
      Self.usualMatrices * Double(function.dimension) * 2 * (clock.now - start).seconds
    return seconds > Self.secondOrderShare * (run.secondsLeft ?? .infinity)
  }

  // MARK: - Searches

  /// Levenberg-Marquardt with likely labels, with labels that are sought, and L-BFGS.
  func searchByDescent(
    _ problem: AttackProblem, _ run: inout AttackRun
  ) throws(AttackError) {
    let labels = try problem.likelyLabels()
    try secondOrder.searchWithLikelyLabels(problem, &run)
    if labels != nil, problem.knownLabels == nil, problem.update.training == nil,
      !run.wasStopped, !problem.isSolved(run)
    {
      try secondOrder.search(labels: nil, problem, &run)
    }
    if !run.wasStopped, !problem.isSolved(run) {
      try searchByGradientDescent(labels: labels, problem, &run)
    }
  }

  /// L-BFGS, which needs no curvature where the gradient's Jacobian vanishes, from the best point so
  /// far and from a random start.
  private func searchByGradientDescent(
    labels: [Int]?, _ problem: AttackProblem, _ run: inout AttackRun
  ) throws(AttackError) {
    let function = try problem.residuals(labels, &run)
    var starts = [problem.dummyBatch(problem.configuration.trials, dimension: function.dimension)]
    if let best = run.best, run.entries[best].images.allSatisfy(\.isFinite) {
      starts.insert(
        run.entries[best].images + starts[0].dropFirst(problem.batchShape.elementCount), at: 0)
    }
    let method = AttackMethod(
      name: "l-bfgs", category: .eavesdropper, needs: secondOrder.descriptor.needs)
    for start in starts {
      try run.search(
        method: method,
        labels: { labels ?? problem.mostLikelyLabels($0[function.imageCount...]) },
        solve: { observer throws(GraphError) in
          let result = try LBFGS().minimize(
            function.matching, from: start, until: problem.searchRule, observe: observer)
          return AttackRun.Outcome(
            labels == nil
              ? result.replacing(value: try problem.valueWithWholeLabels(function, result))
              : result)
        })
      if run.wasStopped || problem.isSolved(run) { return }
    }
  }

  // MARK: - Closed forms

  /// Reads the examples off their gradient by the first closed form that applies and gives finite numbers.
  private func solve(_ problem: AttackProblem, _ run: inout AttackRun) throws(AttackError) {
    for attack in closedForms(for: problem) {
      let solution = try run.searching { run throws(AttackError) in
        try AttackError.ifApplicable { () throws(AttackError) in try attack.solve(problem, run) }
      }
      guard let solution, solution.isFinite else { continue }
      run.layers += solution.layers
      return try enter(solution, of: attack, problem, &run)
    }
  }

  /// Enters a closed form's solution as a trial, and polishes it where that is worth it.
  func enter(
    _ solution: ClosedFormSolution, of attack: any ClosedFormAttack, _ problem: AttackProblem,
    _ run: inout AttackRun
  ) throws(AttackError) {
    if problem.counter.hasMixedLabels {
      // The layers tell the image, whatever its labels; the search finds their shares.
      let classes = problem.weighted.model.classCount
      let shares = [Double](
        repeating: 1 / Double(max(classes, 2)), count: problem.update.batchSize * classes)
      return try secondOrder.descend(
        try problem.residuals(nil, &run), from: solution.images.doubles + shares, labels: nil,
        polishing: attack, problem, &run)
    }
    let function = try problem.matching(labels: solution.labels, &run)
    let start = problem.possible(solution.images.doubles)
    let loss = try problem.value(of: function, at: start)
    let isExact = loss <= problem.acceptedLoss
    let result = SolverResult(
      point: start, value: loss, iterations: 0, evaluations: 1,
      reason: isExact ? .solved : .converged)
    try run.search(
      method: attack.descriptor.method, closedForm: attack, labels: { _ in solution.labels },
      solve: { _ in AttackRun.Outcome(result) })
    run.enter(
      solvedShare: solution.solvedCount.map {
        Double($0) / Double(problem.update.batchSize)
      })
    // Rounding of the closed form, or of the update, can be taken back by a few full steps.
    var isWorthIt = attack.isPolished && (problem.update.batchSize == 1 || !isExact)
    if isWorthIt, !problem.counter.isNone {
      let random = problem.dummyBatch(0, dimension: function.dimension)
      isWorthIt = loss < (try problem.value(of: function, at: random))
    }
    if loss > Self.polishLevel * problem.matched.squaredNorm, isWorthIt, !run.wasStopped {
      try secondOrder.descend(
        try problem.residuals(solution.labels, &run), from: start, labels: solution.labels,
        polishing: attack, problem, &run)
    }
  }

  /// Relative matching loss below which a closed form needs no polish.
  private static let polishLevel = 1e-20
}

extension AttackProblem {
  /// A closed form's batch, behind a defence without what no batch has: noise is multiplied with the layers' condition numbers.
  fileprivate func possible(_ batch: [Double]) -> [Double] {
    guard !counter.isNone else { return batch }
    return weighted.model.inputStructure.map { $0.projectedBatch(batch) }
      ?? batch.map { min(max($0, -1), 2) }
  }
}

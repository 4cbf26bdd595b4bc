import Clients
import TensorGraph

/// The automatic attack's search where inputs are known to be choices and numbers within bounds.
extension AutomaticAttack {
  /// Share of the time for the search that keeps to the structure, and starts of it at most.
  private static let (structuredShare, structuredStarts) = (0.6, 10)

  /// Of the rows that a closed form solved for, from which on they count more than a search for all.
  private static let worthwhileShare = 0.25

  /// Pooled starts of structured inputs, then least squares from there, which may find the very batch; then from random
  /// starts, while there is time. What keeps to the structure counts unless another search has the gradient to rounding. Behind
  /// noise the best of all counts once choices are made and numbers on their grids: free numbers fit the noise.
  func searchByStructure(
    _ problem: AttackProblem, _ run: inout AttackRun
  ) throws(AttackError) {
    let before = run.entries.count
    run.give(share: Self.structuredShare)
    let plan = AttackPresets.tabLeak.plan
    if isKnown(enoughFor: AttackPresets.tabLeak, problem, &run) {
      _ = try AttackError.ifApplicable { () throws(AttackError) in
        try PlanAttack(plan).search(
          trials: Self.structuredStarts,
          iterations: min(problem.configuration.iterations, plan.iterations),
          precision: plan.precision, problem, &run)
      }
    }
    run.give(share: 1)
    guard run.entries.count > before else { return try searchByDescent(problem, &run) }
    let structured = run.entries[before]
    if !run.wasStopped {
      try secondOrder.descend(
        try problem.residuals(structured.labels, &run), from: structured.images,
        labels: structured.labels, problem, &run)
    }
    if !run.wasStopped, !problem.isSolved(run) { try searchByDescent(problem, &run) }
    guard !problem.isExact(run) else { return }
    guard problem.counter.noiseEnergy == 0 else {
      return run.scores = try lossesOfExamples(problem, &run)
    }
    // Free numbers fit as well as rows do; what a closed form found of the batch may fit better than both.
    run.scores = run.entries.enumerated().map { index, entry in
      // Some rows exactly are more than all of them roughly.
      if let share = entry.solvedShare, share >= Self.worthwhileShare { return -share }
      return index == before || entry.closedForm != nil ? entry.trial.matchingLoss : .infinity
    }
  }

  /// The matching loss of every reconstruction with its choices made and its numbers on their grids.
  private func lossesOfExamples(
    _ problem: AttackProblem, _ run: inout AttackRun
  ) throws(AttackError) -> [Double] {
    guard let structure = problem.weighted.model.inputStructure else { return [] }
    var losses: [Double] = []
    for entry in run.entries {
      guard entry.images.allSatisfy(\.isFinite) else {
        losses.append(.infinity)
        continue
      }
      let examples = structure.projectedBatch(entry.images)
      let function = try problem.matching(labels: entry.labels, &run)
      losses.append(
        try run.searching { _ throws(AttackError) in
          try problem.value(of: function, at: examples)
        })
    }
    return losses
  }
}

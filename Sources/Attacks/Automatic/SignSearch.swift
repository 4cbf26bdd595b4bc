import Clients
import TensorGraph

/// The automatic attack on moves that are next to signs.
extension AutomaticAttack {
  /// Share of the time that matching of smoothed signs may take.
  private static let signShare = 0.6

  /// Smoothed signs from random starts, then Levenberg-Marquardt from the best of them, and the binarised image where
  /// the first layer gives one; the best is the one whose moves have the direction of the client's, with smoothness.
  func searchBySigns(_ problem: AttackProblem, _ run: inout AttackRun) throws(AttackError) {
    run.give(share: Self.signShare)
    let matching = SignMatchingAttack()
    _ = try AttackError.ifApplicable { () throws(AttackError) in
      try matching.search(
        trials: min(problem.configuration.trials, Self.signTrials), problem, &run)
    }
    run.give(share: 1)
    if let best = run.best, !run.wasStopped, !problem.isSolved(run) {
      let entry = run.entries[best]
      try secondOrder.descend(
        try problem.residuals(entry.labels, &run), from: entry.images, labels: entry.labels,
        problem, &run)
    }
    if run.best == nil { try secondOrder.searchWithLikelyLabels(problem, &run) }
    if !run.wasStopped, !problem.isSolved(run) {
      let sign = SignImageAttack()
      let solution = try AttackError.ifApplicable { () throws(AttackError) in
        try sign.solve(problem, run)
      }
      if let solution { try enter(solution, of: sign, problem, &run) }
      try compare(problem, &run)
    }
    try problem.diagnose(&run)
  }

  /// Starts at most.
  private static let signTrials = 3
}

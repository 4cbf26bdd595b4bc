import Clients
import TensorGraph

/// The automatic attack on moves that are next to signs.
extension AutomaticAttack {
  /// Smoothed signs from random starts, each followed by Levenberg-Marquardt, and the binarised image where the first
  /// layer gives one; the best is the one whose moves have the direction of the client's, with smoothness.
  func searchBySigns(_ problem: AttackProblem, _ run: inout AttackRun) throws(AttackError) {
    let matching = SignMatchingAttack()
    _ = try AttackError.ifApplicable { () throws(AttackError) in
      try matching.search(
        trials: min(problem.configuration.trials, Self.signTrials), problem, &run
      ) { run throws(AttackError) in
        guard let entry = run.entries.last, !problem.isSolved(run) else { return true }
        try secondOrder.descend(
          try problem.residuals(entry.labels, &run), from: entry.images, labels: entry.labels,
          problem, &run)
        return run.wasStopped || problem.isSolved(run)
      }
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

import Leakage

/// Looks on a ladder for the weakest defence that no image leaks through.
///
/// Takes leakage to end once and for all as strength grows: the strongest rung is tried first, then the
/// rest is halved. One leaking image is enough to turn a rung down, so that a rung is only tried on all
/// images when none leaks; and a rung is only taken when enough images were tried on it.
struct DefenceSearch {
  /// What trying one image gave.
  struct Trial {
    let record: RunRecord
    /// Whether an image of the batch could be recognised.
    let hasLeaked: Bool
  }

  private struct Rung {
    var tried = 0
    var leaked = 0
    var wireShare: Double?
    var hasLeaked: Bool { leaked > 0 }
  }

  let ladder: DefenceLadder
  /// Number of trials, each on another image or seed, on which a rung that stops leakage is tried.
  let trialCount: Int

  /// - Parameter attempt: attacks trial `index` behind a defence; nil when the budget is spent.
  func run(_ attempt: (_ index: Int, DefenceChain) throws -> Trial?) rethrows -> DefenceFinding {
    var rungs = ladder.rungs.map { _ in Rung() }
    /// Whether rung `index` leaks; nil when the budget is spent.
    func leaks(_ index: Int) throws -> Bool? {
      while rungs[index].tried < trialCount, !rungs[index].hasLeaked {
        guard let trial = try attempt(rungs[index].tried, ladder.rungs[index]) else { return nil }
        rungs[index].tried += 1
        if trial.hasLeaked { rungs[index].leaked += 1 }
        if let defence = trial.record.defence, defence.plainByteCount > 0 {
          rungs[index].wireShare =
            Double(defence.wireByteCount) / Double(defence.plainByteCount)
        }
      }
      return rungs[index].hasLeaked
    }
    func finding(_ outcome: DefenceFinding.Outcome, _ index: Int) -> DefenceFinding {
      DefenceFinding(
        defence: ladder.name, outcome: outcome, strength: ladder.rungs[index],
        leaked: rungs[index].leaked, tried: rungs[index].tried, wireShare: rungs[index].wireShare)
    }
    let undecided = DefenceFinding(
      defence: ladder.name, outcome: .undecided, strength: nil, leaked: 0, tried: 0,
      wireShare: nil)
    var stopping = ladder.rungs.count - 1
    guard let strongestLeaks = try leaks(stopping) else { return undecided }
    guard !strongestLeaks else { return finding(.leaks, stopping) }
    var leaking = -1
    while stopping - leaking > 1 {
      let middle = (leaking + stopping) / 2
      // What is known so far stays true when the budget ends here.
      guard let middleLeaks = try leaks(middle) else { break }
      if middleLeaks { leaking = middle } else { stopping = middle }
    }
    return finding(.stops, stopping)
  }
}

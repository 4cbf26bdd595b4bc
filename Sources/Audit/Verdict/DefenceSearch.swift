import Leakage

/// Looks on a ladder for the weakest defence that no image leaks through.
///
/// Takes leakage to end once and for all as strength grows: the strongest rung is probed first, then the
/// rest is halved, and what is found is confirmed on more images, from there upwards. One leaking image
/// is enough to turn a rung down.
struct DefenceSearch {
  /// What trying one image gave.
  struct Trial {
    let record: RunRecord
    /// Whether an image of the batch could be recognised.
    let hasLeaked: Bool
    /// Whether the attack's time was over before it ended.
    var isCut = false
  }

  private struct Rung {
    var tried = 0
    var leaked = 0
    var cut = 0
    var wireShare: Double?
    var hasLeaked: Bool { leaked > 0 }
  }

  let ladder: DefenceLadder
  /// Number of trials, each on another image or seed, on which a rung that stops leakage is tried.
  let trialCount: Int
  /// Number of trials while the search still halves.
  static let probeCount = 3

  /// - Parameter attempt: attacks trial `index` behind a defence; nil when the budget is spent.
  func run(_ attempt: (_ index: Int, DefenceChain) throws -> Trial?) rethrows -> DefenceFinding {
    var rungs = ladder.rungs.map { _ in Rung() }
    var isComplete = true
    /// Whether rung `index` leaks in so many trials; nil when the budget is spent.
    func leaks(_ index: Int, _ count: Int) throws -> Bool? {
      while rungs[index].tried < count, !rungs[index].hasLeaked {
        guard let trial = try attempt(rungs[index].tried, ladder.rungs[index]) else {
          isComplete = false
          return nil
        }
        rungs[index].tried += 1
        if trial.hasLeaked { rungs[index].leaked += 1 }
        if trial.isCut { rungs[index].cut += 1 }
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
        leaked: rungs[index].leaked, tried: rungs[index].tried, wireShare: rungs[index].wireShare,
        isComplete: isComplete, cut: rungs[index].cut)
    }
    let undecided = DefenceFinding(
      defence: ladder.name, outcome: .undecided, strength: nil, leaked: 0, tried: 0,
      wireShare: nil, isComplete: false)
    var stopping = ladder.rungs.count - 1
    let probe = min(DefenceSearch.probeCount, trialCount)
    guard let strongestLeaks = try leaks(stopping, probe) else { return undecided }
    guard !strongestLeaks else { return finding(.leaks, stopping) }
    var leaking = -1
    while stopping - leaking > 1 {
      let middle = (leaking + stopping) / 2
      // What is known so far stays true when the budget ends here.
      guard let middleLeaks = try leaks(middle, probe) else { break }
      if middleLeaks { leaking = middle } else { stopping = middle }
    }
    while try leaks(stopping, trialCount) == true {
      guard stopping + 1 < rungs.count else { return finding(.leaks, stopping) }
      stopping += 1
    }
    return finding(.stops, stopping)
  }
}

import Defences

/// Looks for the weakest strength of a defence that no image leaks through.
///
/// Takes leakage to end once and for all as strength grows: the strongest is probed first, then the
/// rest is halved, and what is found is confirmed on more images, from there upwards. One leaking image
/// is enough to turn a strength down; what was tried too little to be enough is undecided.
struct DefenceSearch {
  /// What trying one image gave.
  struct Trial {
    let record: RunRecord
    let outcome: LeakRate.Outcome

    init(_ record: RunRecord) {
      self.record = record
      outcome = record.outcome
    }
  }

  private struct Tried {
    var items: [LeakRate.Item] = []
    var wireShare: Double?
    var hasLeaked: Bool { items.contains { $0.outcome == .leaked } }
  }

  let strengths: DefenceStrengths
  /// Number of trials, each on another image or seed, on which a strength that stops leakage is tried.
  let trialCount: Int
  /// Number of trials while the search still halves.
  static let probeCount = 3

  /// - Parameter attempt: attacks trial `index` behind a defence; nil when the budget is spent.
  func run(_ attempt: (_ index: Int, DefenceChain) throws -> Trial?) rethrows -> DefenceFinding {
    var tried = strengths.chains.map { _ in Tried() }
    var isComplete = true
    /// Whether strength `index` leaks in so many trials; nil when the budget is spent.
    func leaks(_ index: Int, _ count: Int) throws -> Bool? {
      while tried[index].items.count < count, !tried[index].hasLeaked {
        guard let trial = try attempt(tried[index].items.count, strengths.chains[index]) else {
          isComplete = false
          return nil
        }
        tried[index].items.append(LeakRate.Item(trial.outcome, ties: trial.record.ties))
        if let defence = trial.record.defence, defence.plainByteCount > 0 {
          tried[index].wireShare =
            Double(defence.wireByteCount) / Double(defence.plainByteCount)
        }
      }
      return tried[index].hasLeaked
    }
    func finding(_ outcome: DefenceFinding.Outcome, _ index: Int) -> DefenceFinding {
      let rate = LeakRate(tried[index].items)
      return DefenceFinding(
        defence: strengths.name,
        outcome: outcome == .stops && !rate.isStopped ? .undecided : outcome,
        strength: strengths.chains[index], rate: rate, wireShare: tried[index].wireShare,
        isComplete: isComplete)
    }
    var stopping = strengths.chains.count - 1
    let probe = min(DefenceSearch.probeCount, trialCount)
    guard let strongestLeaks = try leaks(stopping, probe) else {
      return finding(.undecided, stopping)
    }
    guard !strongestLeaks else { return finding(.leaks, stopping) }
    var leaking = -1
    while stopping - leaking > 1 {
      let middle = (leaking + stopping) / 2
      // What is known so far stays true when the budget ends here.
      guard let middleLeaks = try leaks(middle, probe) else { break }
      if middleLeaks { leaking = middle } else { stopping = middle }
    }
    while try leaks(stopping, trialCount) == true {
      guard stopping + 1 < tried.count else { return finding(.leaks, stopping) }
      stopping += 1
    }
    return finding(.stops, stopping)
  }
}

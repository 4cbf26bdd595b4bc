import Privacy
import Solvers

/// How well a score tells members from others.
struct ReceiverOperating {
  /// Larger for what looks like a member.
  let members: [Double]
  let others: [Double]

  /// The chance that a member scores higher than another, ties counted half (Mann and Whitney 1947): 0.5 for a score that
  /// tells nothing.
  var area: Double {
    guard !members.isEmpty, !others.isEmpty else { return .nan }
    let all =
      (members.map { (score: $0, isMember: true) } + others.map { (score: $0, isMember: false) })
      .sorted { $0.score < $1.score }
    var (sum, start) = (0.0, 0)
    while start < all.count {
      var end = start
      while end < all.count, all[end].score == all[start].score { end += 1 }
      // Ranks from 1, the mean of those of equal scores.
      let rank = Double(start + 1 + end) / 2
      sum += rank * Double(all[start..<end].count { $0.isMember })
      start = end
    }
    let (m, n) = (Double(members.count), Double(others.count))
    return (sum - m * (m + 1) / 2) / (m * n)
  }

  /// A 95 % interval of ``area``: Wilson's, of as many trials as the smaller group has, since the variance is at most that of
  /// a share of so many (Birnbaum and Klose 1957). Wide, and honest where all are told apart.
  var interval: ClosedRange<Double> {
    SuccessRate.interval(share: area, count: min(members.count, others.count))
  }

  /// How often an area as large comes about where scores say nothing of who is a member, by permutations of who is: an exact test
  /// where the examples are exchangeable (Fisher 1935; one added for what was seen, Phipson and Smyth 2010).
  func chance(permutations: Int, using source: inout RandomSource) -> Double {
    let all = members + others
    let seen = area
    let asLarge = (0..<permutations).count { _ in
      let order = source.permutation(of: all.count).map { all[$0] }
      let permuted = ReceiverOperating(
        members: Array(order.prefix(members.count)), others: Array(order.dropFirst(members.count)))
      return permuted.area >= seen
    }
    return Double(asLarge + 1) / Double(permutations + 1)
  }

  /// How many members, and how many others, score above a threshold.
  func rates(above threshold: Double) -> (members: SuccessRate, others: SuccessRate) {
    (SuccessRate(members.map { $0 > threshold }), SuccessRate(others.map { $0 > threshold }))
  }
}

/// What scores of records that are known to be no members tell of others.
struct ScoreCalibration {
  private let scores: [Int: [Double]]
  private let all: [Double]

  /// Groups of fewer scores are judged by all.
  private static let leastGroup = 10

  /// - Parameters:
  ///   - scores: of non-members.
  ///   - groups: of each, such as its label: gradients of one label are alike.
  init(_ scores: [Double], groups: [Int]) {
    all = scores
    self.scores = Dictionary(grouping: zip(groups, scores), by: \.0).mapValues {
      $0.map(\.1)
    }
  }

  /// How many standard deviations a score lies above the mean of its group.
  func standardized(_ score: Double, group: Int) -> Double {
    let own = scores[group] ?? []
    return ScoreCalibration.standardized(
      score, by: own.count >= ScoreCalibration.leastGroup ? own : all)
  }

  /// The same of the non-members themselves, each judged by the others as a record would be that is asked for.
  func standardizedKnown(_ known: [Double], groups: [Int]) -> [Double] {
    zip(known, groups).map { score, group in
      let own = scores[group] ?? []
      var basis = own.count >= ScoreCalibration.leastGroup ? own : all
      if let place = basis.firstIndex(of: score) { basis.remove(at: place) }
      return ScoreCalibration.standardized(score, by: basis)
    }
  }

  private static func standardized(_ score: Double, by basis: [Double]) -> Double {
    let moments = SampleMoments(basis)
    return (score - moments.mean) / max(moments.deviation, .leastNormalMagnitude)
  }

  /// The score above which a share of these non-members lies: observed where they are enough to see it, else that of a
  /// normal distribution.
  static func threshold(
    _ standardized: [Double], falsePositiveRate: Double
  ) -> (value: Double, isObserved: Bool) {
    let allowed = Int((falsePositiveRate * Double(standardized.count)).rounded(.down))
    guard allowed >= 1 else { return (NormalDistribution.quantile(1 - falsePositiveRate), false) }
    return (standardized.sorted(by: >)[allowed], true)
  }
}

/// A success rate over independent runs, with its 95 % confidence interval.
public struct SuccessRate: Sendable, Equatable, CustomStringConvertible {
  /// Trials that succeeded.
  public let successes: Int
  /// Trials.
  public let count: Int

  /// - Parameter successes: at most `count`.
  public init(successes: Int, count: Int) {
    precondition(0 <= successes && successes <= count, "\(successes) successes of \(count)")
    self.successes = successes
    self.count = count
  }

  /// - Parameter outcomes: one for each trial.
  public init(_ outcomes: [Bool]) {
    self.init(successes: outcomes.count { $0 }, count: outcomes.count)
  }

  /// The observed share; NaN for no runs.
  public var rate: Double { Double(successes) / Double(count) }

  /// Wilson's score interval at 95 % (Wilson 1927), which stays within 0...1 and is honest for rates
  /// near the ends.
  public var interval: ClosedRange<Double> { SuccessRate.interval(share: rate, count: count) }

  /// The same of an observed share of `count` trials.
  static func interval(share rate: Double, count: Int) -> ClosedRange<Double> {
    guard count > 0 else { return 0...1 }
    let z = 1.959_963_984_540_054
    let n = Double(count)
    let centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    let half =
      z / (1 + z * z / n) * (rate * (1 - rate) / n + z * z / (4 * n * n)).squareRoot()
    return max(0, centre - half)...min(1, centre + half)
  }

  /// For instance "34 of 35 (97 %, 95 % interval 85-99 %)".
  public var description: String {
    guard count > 0 else { return "0 of 0" }
    func percent(_ share: Double) -> String { String(Int((share * 100).rounded())) }
    return "\(successes) of \(count) (\(percent(rate)) %, 95 % interval "
      + "\(percent(interval.lowerBound))-\(percent(interval.upperBound)) %)"
  }
}

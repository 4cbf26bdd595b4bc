#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How many of `count` independent trials succeed.
package struct BinomialDistribution: Sendable {
  /// Trials, 0 or more.
  package let count: Int
  /// Chance of each, in 0...1.
  package let chance: Double

  package init(count: Int, chance: Double) {
    precondition(count >= 0 && (0...1).contains(chance), "\(count) trials, chance \(chance)")
    self.count = count
    self.chance = chance
  }

  /// The chance of exactly `successes`.
  package func mass(_ successes: Int) -> Double {
    guard (0...count).contains(successes) else { return 0 }
    if chance == 0 { return successes == 0 ? 1 : 0 }
    if chance == 1 { return successes == count ? 1 : 0 }
    let (n, k) = (Double(count), Double(successes))
    return exp(
      logFactorial(n) - logFactorial(k) - logFactorial(n - k) + k * log(chance)
        + (n - k) * log1p(-chance))
  }

  /// The chance of `successes` or more.
  package func tail(from successes: Int) -> Double {
    guard successes > 0 else { return 1 }
    guard successes <= count else { return 0 }
    // The shorter way, so that nothing near 1 is subtracted from 1 where the tail is small.
    if Double(successes) > Double(count) * chance {
      var (sum, index) = (0.0, successes)
      while index <= count {
        let term = mass(index)
        sum += term
        if term < sum * 1e-17 { break }
        index += 1
      }
      return min(1, sum)
    }
    return max(0, 1 - (0..<successes).reduce(0) { $0 + mass($1) })
  }

  private func logFactorial(_ n: Double) -> Double { lgamma(n + 1) }

  /// The largest chance with which so few successes are seen in at least a share of `alpha` of all experiments: the upper end
  /// of the interval of Clopper and Pearson (1934), one-sided.
  package static func upperBound(successes: Int, count: Int, alpha: Double) -> Double {
    guard successes < count else { return 1 }
    return bisected(0, 1) {
      1 - BinomialDistribution(count: count, chance: $0).tail(from: successes + 1) > alpha
    }
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Lower bounds of a mechanism's ε from guesses whether canaries were in its input. With a chance of at most 1 - confidence
/// they are above the true ε, whatever the mechanism.
package enum EmpiricalEpsilon {
  /// From many independent runs, with and without the canary (Nasr et al. 2021, arXiv 2101.04535, section 4): at each
  /// threshold the rates of false alarms and of misses of an (ε, δ)-private mechanism obey e^ε ≥ (1 - δ - one) / other.
  ///
  /// The threshold must not depend on these runs.
  ///
  /// - Parameters:
  ///   - falseAlarms: runs without the canary in which it was taken to be there, of `without`.
  ///   - misses: runs with it in which it was not, of `with`.
  ///   - confidence: of both rates together.
  package static func manyRuns(
    falseAlarms: Int, without: Int, misses: Int, with: Int, delta: Double,
    confidence: Double = 0.95
  ) -> Double {
    let alpha = (1 - confidence) / 2
    let alarmRate = BinomialDistribution.upperBound(
      successes: falseAlarms, count: without, alpha: alpha)
    let missRate = BinomialDistribution.upperBound(successes: misses, count: with, alpha: alpha)
    func bound(_ one: Double, _ other: Double) -> Double {
      let ratio = (1 - delta - one) / other
      return ratio > 1 ? log(ratio) : 0
    }
    return max(bound(alarmRate, missRate), bound(missRate, alarmRate))
  }

  /// From one run whose input held each of many canaries with a coin's chance (Steinke, Nasr and Jagielski 2023, arXiv
  /// 2305.08846, theorem 5.2): the largest ε under which so many right guesses are too rare.
  ///
  /// - Parameters:
  ///   - right: of the `guesses`; canaries that were not guessed at count for nothing.
  ///   - canaries: in all, at least `guesses`.
  package static func oneRun(
    right: Int, guesses: Int, canaries: Int, delta: Double, confidence: Double = 0.95
  ) -> Double {
    precondition(0 <= right && right <= guesses && guesses <= canaries, "\(right) of \(guesses)")
    let alpha = 1 - confidence
    guard guesses > 0, chance(0, right, guesses, canaries, delta) <= alpha else { return 0 }
    var high = 1.0
    while high < 64, chance(high, right, guesses, canaries, delta) <= alpha { high *= 2 }
    var low = 0.0
    for _ in 0..<50 {
      let middle = (low + high) / 2
      if chance(middle, right, guesses, canaries, delta) <= alpha {
        low = middle
      } else {
        high = middle
      }
    }
    return low
  }

  /// The chance of at least so many right guesses under an (ε, δ)-private mechanism, at most.
  private static func chance(
    _ epsilon: Double, _ right: Int, _ guesses: Int, _ canaries: Int, _ delta: Double
  ) -> Double {
    let share = 1 / (1 + exp(-epsilon))
    let binomial = BinomialDistribution(count: guesses, chance: share)
    let beta = binomial.tail(from: right)
    guard delta > 0 else { return beta }
    var (slope, sum) = (0.0, 0.0)
    for extra in stride(from: 1, through: right, by: 1) {
      sum += binomial.mass(right - extra)
      slope = max(slope, sum / Double(extra))
    }
    return min(1, beta + 2 * Double(canaries) * delta * slope)
  }
}

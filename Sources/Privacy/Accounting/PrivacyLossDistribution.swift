#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How the privacy loss log(P / Q) of two distributions of outputs is distributed under P, on a grid, so that many rounds
/// compose by convolution (Koskela, Jälkö and Honkela 2020, arXiv 1906.03049).
///
/// Every δ read off it is at least the true one, by little: see ``PrivacyLossCells``.
struct PrivacyLossDistribution: Sendable {
  /// Between losses of neighbouring masses, above 0.
  let interval: Double
  /// The first mass is of this many intervals of loss.
  let first: Int
  /// Chance under P of each loss.
  let masses: [Double]
  /// Chance under P of what cannot come of Q.
  let infinite: Double

  private func loss(_ index: Int) -> Double { Double(first + index) * interval }

  /// The smallest ε of 0 or more with E[(1 - exp(ε - loss))₊] at most `delta`; infinite where there is none.
  func epsilon(delta: Double) -> Double {
    guard infinite <= delta else { return .infinity }
    // Sums over the losses above the one at hand: of masses, and of masses · exp(that loss - loss).
    var (above, discounted) = (0.0, 0.0)
    let decay = exp(-interval)
    for index in masses.indices.reversed() {
      let own = loss(index)
      if infinite + above - discounted > delta || own < 0 {
        // Between this loss and the next one δ(ε) is that sum less discounted · exp(ε - this loss).
        let share = (infinite + above - delta) / discounted
        return share > 0 ? max(0, own + log(share)) : 0
      }
      discounted = (discounted + masses[index]) * decay
      above += masses[index]
    }
    return 0
  }

  /// The largest chance under P of an event whose chance under Q is at most `prior`, by the lemma of Neyman and Pearson:
  /// the likeliest losses first.
  func success(prior: Double) -> Double {
    var (reached, left) = (infinite, prior)
    for index in masses.indices.reversed() {
      let cost = masses[index] * exp(-loss(index))
      guard cost < left else { return min(1, reached + masses[index] * left / cost) }
      left -= cost
      reached += masses[index]
    }
    return min(1, reached)
  }

  /// The distribution of as many independent rounds, with tails of at most `tail` taken for infinite losses.
  ///
  /// - Parameters:
  ///   - from: below which the composed losses are but for a chance of `tail`.
  ///   - size: of the transform, a power of two: as many intervals above `from` all but `tail` of the losses are.
  func composed(
    rounds: Int, from: Double, tail: Double, size: Int
  ) -> PrivacyLossDistribution {
    let lowest = Int((from / interval).rounded(.down))
    func place(_ loss: Int) -> Int { ((loss % size) + size) % size }
    var numbers = [Double](repeating: 0, count: size)
    for (index, mass) in masses.enumerated() { numbers[place(first + index)] += mass }
    var transform = FourierTransform(numbers)
    transform.transform()
    for index in 0..<size {
      let power = ComplexPower.of(transform.real[index], transform.imaginary[index], rounds)
      (transform.real[index], transform.imaginary[index]) = power
    }
    transform.invert()
    let composed = (0..<size).map { max(0, transform.real[place(lowest + $0)]) }
    let escaped = -expm1(Double(rounds) * log1p(-infinite))
    return PrivacyLossDistribution(
      interval: interval, first: lowest, masses: composed, infinite: min(1, escaped + tail))
  }

  /// Where the sum of as many losses lies but for a chance of `tail` on either side (Chernoff's bound).
  func range(rounds: Int, tail: Double) -> ClosedRange<Double> {
    let scale = max(abs(loss(0)), abs(loss(masses.count - 1)), interval)
    var (low, high) = (Double(rounds) * loss(0), Double(rounds) * loss(masses.count - 1))
    for step in 0..<48 {
      // From far above what a loss's size calls for to far below.
      let slope = 64 / scale * pow(0.75, Double(step)) * (rounds < 16 ? 4 : 1)
      high = min(high, (Double(rounds) * logMean(slope) - log(tail)) / slope)
      low = max(low, -(Double(rounds) * logMean(-slope) - log(tail)) / slope)
    }
    return min(low, high)...max(low, high)
  }

  /// log E[exp(slope · loss)] over the finite losses.
  private func logMean(_ slope: Double) -> Double {
    let largest = max(slope * loss(0), slope * loss(masses.count - 1))
    let sum = masses.indices.reduce(0.0) { $0 + masses[$1] * exp(slope * loss($1) - largest) }
    return largest + log(sum)
  }
}

/// Whole powers of complex numbers.
private enum ComplexPower {
  static func of(_ real: Double, _ imaginary: Double, _ exponent: Int) -> (Double, Double) {
    var (result, base, left) = ((1.0, 0.0), (real, imaginary), exponent)
    while left > 0 {
      if left & 1 == 1 { result = product(result, base) }
      base = product(base, base)
      left >>= 1
    }
    return result
  }

  private static func product(
    _ left: (Double, Double), _ right: (Double, Double)
  ) -> (Double, Double) {
    (left.0 * right.0 - left.1 * right.1, left.0 * right.1 + left.1 * right.0)
  }
}

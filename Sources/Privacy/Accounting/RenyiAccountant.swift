#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The privacy that DP-SGD guarantees, bounded by Rényi differential privacy (Mironov 2017, arXiv 1702.07476).
///
/// Each step takes every example with probability `samplingRate` (Poisson sampling), clips, and adds
/// normal noise of `noiseMultiplier` clipping norms. The guarantee is against adding or removing one
/// example.
///
/// Divergences are exact at every order (``SubsampledGaussian``). The fractional orders are those of Opacus
/// 1.6 and dp-accounting 0.6, the whole ones go further, so that ε is never above theirs; it agrees with
/// Opacus' wherever that finds its best order inside its list. dp-accounting sums magnitudes at fractional
/// orders, which is an upper bound.
package enum RenyiAccountant {
  /// Orders at which Rényi divergences are bounded: 1.1 to 10.9 by tenths, then whole ones.
  static let orders: [Double] =
    (11...109).map { Double($0) / 10 } + (11...256).map(Double.init)
    + [320, 384, 512, 640, 768, 1024, 2048, 4096]

  /// A guarantee, with the order of the divergence that gave it.
  package struct Guarantee: Sendable, Equatable {
    package let epsilon: Double
    package let order: Double
  }

  /// The smallest ε such that training is (ε, δ)-differentially private, as far as these orders tell.
  ///
  /// - Parameters:
  ///   - noiseMultiplier: standard deviation of the noise in clipping norms; 0 gives infinity.
  ///   - samplingRate: in 0...1; at 1 this is the Gaussian mechanism.
  ///   - steps: at least 0.
  ///   - delta: in 0...1, without the ends.
  package static func guarantee(
    noiseMultiplier: Double, samplingRate: Double, steps: Int, delta: Double
  ) -> Guarantee {
    precondition(
      noiseMultiplier >= 0 && (0...1).contains(samplingRate) && steps >= 0 && delta > 0
        && delta < 1,
      "noise \(noiseMultiplier), sampling rate \(samplingRate), \(steps) steps, delta \(delta)")
    guard samplingRate > 0, steps > 0 else { return Guarantee(epsilon: 0, order: orders[0]) }
    guard noiseMultiplier > 0 else { return Guarantee(epsilon: .infinity, order: orders[0]) }
    let step = SubsampledGaussian(noiseMultiplier: noiseMultiplier, samplingRate: samplingRate)
    var best = Guarantee(epsilon: .infinity, order: orders[0])
    for order in orders {
      let divergence = Double(steps) * step.renyiDivergence(order: order)
      let epsilon = epsilon(divergence: divergence, order: order, delta: delta)
      if epsilon < best.epsilon { best = Guarantee(epsilon: epsilon, order: order) }
      if epsilon == 0 { break }
    }
    return best
  }

  /// From Rényi divergence to ε (Canonne, Kamath & Steinke 2020, arXiv 2004.00010, proposition 12); 0 where
  /// the total variation is at most δ already (at most √(1 - exp(-KL)): Bretagnolle & Huber 1979, and the
  /// divergence of order 1, KL, is at most that of any higher order).
  static func epsilon(divergence: Double, order alpha: Double, delta: Double) -> Double {
    if delta * delta + expm1(-divergence) > 0 { return 0 }
    return max(
      0, divergence + log1p(-1 / alpha) - (log(delta) + log(alpha)) / (alpha - 1))
  }
}

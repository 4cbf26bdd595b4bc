#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The privacy that DP-SGD guarantees, by Rényi differential privacy (Mironov 2017, arXiv 1702.07476).
///
/// Each step takes every example with probability `samplingRate` (Poisson sampling), clips, and adds
/// normal noise of `noiseMultiplier` clipping norms. The guarantee is against adding or removing one
/// example.
public struct PrivacyAccountant: Sendable {
  /// Orders at which Rényi divergences are bounded.
  static let orders = Array(2...256) + [320, 384, 512, 640, 768, 1024, 2048, 4096]

  /// A guarantee, with the order of the divergence that gave it.
  public struct Guarantee: Sendable, Equatable, Codable {
    public let epsilon: Double
    public let order: Int
  }

  /// The smallest ε such that training is (ε, δ)-differentially private, as far as integer orders tell.
  ///
  /// - Parameters:
  ///   - noiseMultiplier: standard deviation of the noise in clipping norms; 0 gives infinity.
  ///   - samplingRate: in 0...1.
  ///   - steps: at least 0.
  ///   - delta: in 0...1, without the ends.
  public static func guarantee(
    noiseMultiplier: Double, samplingRate: Double, steps: Int, delta: Double
  ) -> Guarantee {
    precondition(
      noiseMultiplier >= 0 && (0...1).contains(samplingRate) && steps >= 0 && delta > 0
        && delta < 1,
      "noise \(noiseMultiplier), sampling rate \(samplingRate), \(steps) steps, delta \(delta)")
    guard samplingRate > 0, steps > 0 else { return Guarantee(epsilon: 0, order: orders[0]) }
    guard noiseMultiplier > 0 else { return Guarantee(epsilon: .infinity, order: orders[0]) }
    let guarantees = orders.map { order in
      let divergence = renyiDivergence(
        order: order, noiseMultiplier: noiseMultiplier, samplingRate: samplingRate)
      return Guarantee(
        epsilon: epsilon(divergence: Double(steps) * divergence, order: order, delta: delta),
        order: order)
    }
    return guarantees.min { $0.epsilon < $1.epsilon } ?? guarantees[0]
  }

  /// Rényi divergence of integer order α of one step of the subsampled Gaussian mechanism (Mironov,
  /// Talwar & Zhang 2019, arXiv 1908.10530, section 3.3):
  /// log(Σₖ C(α, k) (1 - q)^(α - k) q^k exp((k² - k) / 2σ²)) / (α - 1).
  static func renyiDivergence(
    order: Int, noiseMultiplier: Double, samplingRate q: Double
  ) -> Double {
    let variance = noiseMultiplier * noiseMultiplier
    let alpha = Double(order)
    if q == 1 { return alpha / (2 * variance) }
    var total = -Double.infinity
    for k in 0...order {
      let k = Double(k)
      let binomial = lgamma(alpha + 1) - lgamma(k + 1) - lgamma(alpha - k + 1)
      let term =
        binomial + k * log(q) + (alpha - k) * log1p(-q) + (k * k - k) / (2 * variance)
      total = logSum(total, term)
    }
    return max(total, 0) / (alpha - 1)
  }

  /// From Rényi divergence to ε (Canonne, Kamath & Steinke 2020, arXiv 2004.00010, proposition 12).
  static func epsilon(divergence: Double, order: Int, delta: Double) -> Double {
    let alpha = Double(order)
    return max(
      0, divergence + log1p(-1 / alpha) - (log(delta) + log(alpha)) / (alpha - 1))
  }

  /// log(exp(a) + exp(b)).
  private static func logSum(_ a: Double, _ b: Double) -> Double {
    let (low, high) = (min(a, b), max(a, b))
    return low == -.infinity ? high : high + log1p(exp(low - high))
  }
}

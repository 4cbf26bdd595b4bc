#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What normal noise on clipped sums guarantees over all rounds, as tightly as can be computed.
///
/// Each round takes every example with the sampling rate (Poisson sampling), clips, and adds normal noise of standard
/// deviation `noiseMultiplier` clipping norms to the sum. The guarantee is against adding or removing one example, and tight:
/// there are data and attackers for which it is no better. Without sampling it is exact; with it the better of two upper
/// bounds, distributions of the privacy loss and, for δ below ``leastDelta``, Rényi divergences.
package struct PrivacyAccountant: Sendable {
  private enum Loss: Sendable {
    case exact(GaussianMechanism)
    /// With the example against without it, and the other way.
    case sampled(with: PrivacyLossDistribution, without: PrivacyLossDistribution)
  }

  /// Below this δ rounding of the convolution is no longer small beside it.
  static let leastDelta = 1e-10
  /// Chances that are left out, all rounds together.
  private static let tail = 1e-13
  /// Points of the grid on which rounds compose: half as many were 0.9 % off dp-accounting's ε, these 0.03 %.
  private static let gridSize = 1 << 17

  /// Less noise is taken for none: ε is above 10,000 where it is not 0.
  private static let leastNoise = 5e-3

  private let noiseMultiplier: Double
  private let samplingRate: Double
  private let rounds: Int
  private let loss: Loss

  /// - Parameters:
  ///   - noiseMultiplier: standard deviation of the noise in clipping norms; 0 guarantees nothing.
  ///   - samplingRate: in 0...1; at 1 this is the Gaussian mechanism.
  ///   - rounds: at least 0.
  package init(noiseMultiplier: Double, samplingRate: Double, rounds: Int) {
    precondition(
      noiseMultiplier >= 0 && (0...1).contains(samplingRate) && rounds >= 0,
      "noise \(noiseMultiplier), sampling rate \(samplingRate), \(rounds) rounds")
    // A higher rate guarantees less; below this one losses are smaller than numbers near 1 can tell.
    let samplingRate =
      samplingRate > 0 ? min(1, max(samplingRate, noiseMultiplier * 1e-14)) : samplingRate
    self.noiseMultiplier = noiseMultiplier
    self.samplingRate = samplingRate
    self.rounds = rounds
    if rounds == 0 || samplingRate == 0 {
      loss = .exact(GaussianMechanism(mu: 0))
    } else if samplingRate == 1 || noiseMultiplier == 0 {
      loss = .exact(GaussianMechanism(mu: Double(rounds).squareRoot() / noiseMultiplier))
    } else if noiseMultiplier < Self.leastNoise {
      loss = Self.bare(samplingRate: samplingRate, rounds: rounds)
    } else {
      let mechanism = SubsampledGaussian(
        noiseMultiplier: noiseMultiplier, samplingRate: samplingRate)
      loss = .sampled(
        with: Self.composed(mechanism, isWithExample: true, rounds: rounds),
        without: Self.composed(mechanism, isWithExample: false, rounds: rounds))
    }
  }

  /// The smallest ε such that all rounds together are (ε, δ)-differentially private; infinite without noise.
  ///
  /// - Parameter delta: in 0...1, without the ends.
  package func epsilon(delta: Double) -> Double {
    switch loss {
    case .exact(let mechanism): return mechanism.epsilon(delta: delta)
    case .sampled(let with, let without):
      let divergences =
        noiseMultiplier < Self.leastNoise
        ? .infinity
        : RenyiAccountant.guarantee(
          noiseMultiplier: noiseMultiplier, samplingRate: samplingRate, steps: rounds, delta: delta
        ).epsilon
      guard delta >= Self.leastDelta || noiseMultiplier < Self.leastNoise else {
        return divergences
      }
      return min(divergences, max(with.epsilon(delta: delta), without.epsilon(delta: delta)))
    }
  }

  /// The largest chance at which anybody finds, from all rounds, what he would guess at a chance of `prior` without them,
  /// even if he knows all other examples: reconstruction robustness (Balle, Cherubin and Hayes 2022, arXiv 2201.04845; Hayes,
  /// Mahloujifar and Balle 2023, arXiv 2302.07225, theorem 2, here without sampling errors).
  ///
  /// - Parameter prior: in 0...1, such as 1 / 100 for one of a hundred candidates.
  package func success(prior: Double) -> Double {
    switch loss {
    case .exact(let mechanism): mechanism.success(prior: prior)
    case .sampled(let with, _): max(prior, with.success(prior: prior))
    }
  }

  /// Without noise whoever is drawn is seen, and nobody else.
  private static func bare(samplingRate: Double, rounds: Int) -> Loss {
    let isSeen = -expm1(Double(rounds) * log1p(-samplingRate))
    let unseen = -log1p(-isSeen)
    guard unseen.isFinite, unseen > 0 else { return .exact(GaussianMechanism(mu: .infinity)) }
    func distribution(_ first: Int, _ mass: Double) -> PrivacyLossDistribution {
      PrivacyLossDistribution(interval: unseen, first: first, masses: [mass], infinite: 1 - mass)
    }
    return .sampled(with: distribution(-1, 1 - isSeen), without: distribution(1, 1))
  }

  private static func composed(
    _ mechanism: SubsampledGaussian, isWithExample: Bool, rounds: Int
  ) -> PrivacyLossDistribution {
    let cells = PrivacyLossCells(mechanism: mechanism, isWithExample: isWithExample)
    let share = tail / Double(rounds)
    let limits = cells.losses(tail: share)
    // A coarse grid first, which says how wide a fine one must be.
    let coarse = cells.distribution(
      interval: max(limits.upperBound - limits.lowerBound, 1e-12) / 2048, tail: share)
    let range = coarse.range(rounds: rounds, tail: tail)
    let width = max(
      range.upperBound - range.lowerBound, limits.upperBound - limits.lowerBound, 1e-12)
    let interval = width / Double(gridSize - 64)
    return cells.distribution(interval: interval, tail: share)
      .composed(rounds: rounds, from: range.lowerBound, tail: tail, size: gridSize)
  }
}

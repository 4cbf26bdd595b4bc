#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Normal noise on a sum that one example changes by at most so many standard deviations: μ-Gaussian differential
/// privacy (Dong, Roth and Su, "Gaussian Differential Privacy", 2022). All is exact.
package struct GaussianMechanism: Sendable, Equatable {
  /// What one example changes in standard deviations of the noise, all rounds together: √rounds · sensitivity / σ; 0 or
  /// more.
  package let mu: Double

  /// - Parameter mu: 0 or more; infinite without noise.
  package init(mu: Double) {
    precondition(mu >= 0, "mu \(mu)")
    self.mu = mu
  }

  /// The δ that belongs to an ε (Balle and Wang, "Improving the Gaussian Mechanism for Differential Privacy", 2018,
  /// theorem 8).
  package func delta(epsilon: Double) -> Double {
    guard mu > 0 else { return 0 }
    guard mu.isFinite else { return 1 }
    let second = epsilon + NormalDistribution.logCumulative(-epsilon / mu - mu / 2)
    return max(0, NormalDistribution.cumulative(mu / 2 - epsilon / mu) - exp(second))
  }

  /// The smallest ε for a δ in 0...1 without the ends; infinite without noise.
  package func epsilon(delta: Double) -> Double {
    guard mu > 0 else { return 0 }
    guard mu.isFinite else { return .infinity }
    guard self.delta(epsilon: 0) > delta else { return 0 }
    // The first of the two summands alone is at most δ there.
    let enough = mu * mu / 2 + mu * max(-NormalDistribution.quantile(delta), 0)
    return bisected(0, enough) { self.delta(epsilon: $0) > delta }
  }

  /// The largest chance at which anybody, with any computer, finds what he would guess at a chance of `prior` without
  /// the update: Φ(Φ⁻¹(prior) + μ) (Kaissis et al. 2023, arXiv 2307.03928; reconstruction robustness of Balle, Cherubin
  /// and Hayes 2022, arXiv 2201.04845).
  package func success(prior: Double) -> Double {
    NormalDistribution.cumulative(NormalDistribution.quantile(prior) + mu)
  }

  /// √(2 ln(1.25 / δ)), which is ε σ / sensitivity by the classical formula, proved for ε below 1 alone (Dwork and Roth
  /// 2014, theorem A.1).
  package static func classicalFactor(delta: Double) -> Double {
    (2 * log(1.25 / delta)).squareRoot()
  }
}

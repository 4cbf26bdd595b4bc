#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// By how many standard deviations of its noise a canary shifts a mechanism's output, where that noise is normal: an estimate,
/// and no bound (Nasr et al. 2023, arXiv 2302.07956, section 4.2).
package struct GaussianEstimate: Sendable, Equatable {
  /// The shift.
  package let mu: Double
  /// Its standard error.
  package let error: Double

  /// From scores with and without the canary.
  ///
  /// - Parameters:
  ///   - with: two or more.
  ///   - without: two or more, of the same noise.
  package init(with: [Double], without: [Double]) {
    precondition(with.count > 1 && without.count > 1, "\(with.count) and \(without.count) scores")
    let (present, absent) = (SampleMoments(with), SampleMoments(without))
    let freedom = Double(with.count + without.count - 2)
    let deviation = ((present.squares + absent.squares) / freedom).squareRoot()
    let gap = max(present.mean - absent.mean, 0)
    mu = deviation > 0 ? gap / deviation : gap > 0 ? .infinity : 0
    // Of a standardised mean difference (Hedges 1981).
    error =
      mu.isFinite
      ? (1 / Double(with.count) + 1 / Double(without.count) + mu * mu / (2 * freedom)).squareRoot()
      : 0
  }

  /// The shift of which 95 of 100 true ones are above: for the least ε that these scores speak for.
  package var least: Double { max(0, mu - 1.645 * error) }
}

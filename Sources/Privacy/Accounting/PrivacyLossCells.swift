#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The privacy loss of one round of DP-SGD on a grid: the output with one example, (1 - q) N(0, σ²) + q N(1, σ²), against
/// that without it, N(0, σ²). These two are the worst for a Poisson sample (Zhu, Dong and Wang 2022, arXiv 2106.08567).
///
/// What lies between two points of the grid goes to both so that its chances under both distributions stay: the closest grid
/// whose every δ is at least the true one (Doroshenko et al., "Connect the Dots", 2022, arXiv 2207.04380).
struct PrivacyLossCells {
  let mechanism: SubsampledGaussian
  /// Whether P is the output with the example, and not that without it.
  let isWithExample: Bool

  private var deviation: Double { mechanism.noiseMultiplier }
  private var rate: Double { mechanism.samplingRate }

  /// - Parameters:
  ///   - interval: of the grid, above 0.
  ///   - tail: chance under P that may be left out above the grid, and is taken for an infinite loss.
  func distribution(interval: Double, tail: Double) -> PrivacyLossDistribution {
    let limits = losses(tail: tail)
    let (first, last) = (
      Int((limits.lowerBound / interval).rounded(.down)),
      Int((limits.upperBound / interval).rounded(.up))
    )
    var masses = [Double](repeating: 0, count: last - first + 1)
    let bottom = ends(Double(first) * interval)
    var low = bottom
    for cell in 0..<last - first {
      let high = ends(Double(first + cell + 1) * interval)
      let (chance, other) = chances(low, high)
      // Of P's chance the part that goes up keeps Q's chance, which is P's times exp(-loss).
      let scaled = other * exp(Double(first + cell) * interval)
      let upper =
        scaled.isFinite && scaled > 0
        ? min(max((chance - scaled) / -expm1(-interval), 0), chance) : chance
      masses[cell] += chance - upper
      masses[cell + 1] += upper
      low = high
    }
    // What lies below the grid is taken for its lowest loss, which is more.
    masses[0] += chances(ends(-.infinity), bottom).0
    return PrivacyLossDistribution(
      interval: interval, first: first, masses: masses,
      infinite: chances(low, ends(.infinity)).0)
  }

  /// From where to where P's losses lie, but for a chance of `tail` on each side.
  func losses(tail: Double) -> ClosedRange<Double> {
    let reach = -NormalDistribution.quantile(tail) * deviation
    let (low, high) = (loss(at: -reach), loss(at: 1 + reach))
    return isWithExample ? low...high : -high...(-low)
  }

  /// The output at which the loss is so large, as a point of both normal distributions.
  private struct End {
    let without: NormalDistribution.Point
    let moved: NormalDistribution.Point
  }

  private func ends(_ loss: Double) -> End {
    let output = output(isWithExample ? loss : -loss)
    return End(
      without: NormalDistribution.Point(output / deviation),
      moved: NormalDistribution.Point((output - 1) / deviation))
  }

  /// The chances under P and Q of losses between two.
  private func chances(_ low: End, _ high: End) -> (Double, Double) {
    let (from, to) = isWithExample ? (low, high) : (high, low)
    let without = NormalDistribution.mass(from: from.without, to: to.without)
    let moved = NormalDistribution.mass(from: from.moved, to: to.moved)
    let with = (1 - rate) * without + rate * moved
    return isWithExample ? (with, without) : (without, with)
  }

  /// log of the density with the example over that without it, where the output is `output`: rises with it.
  private func loss(at output: Double) -> Double {
    let exponent = (2 * output - 1) / (2 * deviation * deviation)
    guard exponent < 30 else {
      return log(rate) + exponent + log1p((1 - rate) / rate * exp(-exponent))
    }
    return log1p(rate * expm1(exponent))
  }

  /// The output at which ``loss(at:)`` is `loss`; minus infinity where all losses are above.
  private func output(_ loss: Double) -> Double {
    let ratio: Double
    if loss > 0 {
      ratio = loss + log1p((rate - 1) * exp(-loss)) - log(rate)
    } else {
      let numerator = expm1(loss) + rate
      guard numerator > 0 else { return -.infinity }
      ratio = log(numerator / rate)
    }
    return deviation * deviation * ratio + 0.5
  }
}

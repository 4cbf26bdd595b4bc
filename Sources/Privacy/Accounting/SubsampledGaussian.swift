#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// One step of DP-SGD as a mechanism: the Gaussian mechanism on a Poisson sample.
struct SubsampledGaussian {
  /// Standard deviation of the noise in clipping norms, above 0.
  let noiseMultiplier: Double
  /// Above 0, at most 1.
  let samplingRate: Double

  private var variance: Double { noiseMultiplier * noiseMultiplier }

  /// Rényi divergence of order α > 1: log(A) / (α - 1) with A the mean of (1 - q + q exp((2z - 1) / 2σ²))^α
  /// over z ~ N(0, σ²) (Mironov, Talwar & Zhang 2019, arXiv 1908.10530, section 3.3).
  func renyiDivergence(order alpha: Double) -> Double {
    if samplingRate == 1 { return alpha / (2 * variance) }
    let logMean = alpha == alpha.rounded() ? logMean(whole: Int(alpha)) : logMean(fractional: alpha)
    return max(logMean, 0) / (alpha - 1)
  }

  /// log Σₖ C(α, k) (1 - q)^(α - k) q^k exp((k² - k) / 2σ²).
  private func logMean(whole order: Int) -> Double {
    let (logTaken, logLeft) = (log(samplingRate), log1p(-samplingRate))
    let alpha = Double(order)
    var sum = LogSum()
    var logBinomial = 0.0
    for k in 0...order {
      let k = Double(k)
      sum.add(
        logBinomial + k * logTaken + (alpha - k) * logLeft + (k * k - k) / (2 * variance))
      logBinomial += log((alpha - k) / (k + 1))
    }
    return sum.logarithm
  }

  /// The integral is cut where both summands are equal, at z₀ = σ² log(1/q - 1) + 1/2, and each part is a
  /// binomial series, whose terms alternate in sign from α on.
  private func logMean(fractional alpha: Double) -> Double {
    let (logTaken, logLeft) = (log(samplingRate), log1p(-samplingRate))
    let cut = variance * log(1 / samplingRate - 1) + 0.5
    let scale = 2.0.squareRoot() * noiseMultiplier
    var sum = LogSum()
    var (logBinomial, isPositive) = (0.0, true)
    for index in 0..<SubsampledGaussian.mostTerms {
      let (i, j) = (Double(index), alpha - Double(index))
      let below =
        logBinomial + i * logTaken + j * logLeft + (i * i - i) / (2 * variance)
        + logErrorFunctionComplement((i - cut) / scale) - log(2)
      let above =
        logBinomial + j * logTaken + i * logLeft + (j * j - j) / (2 * variance)
        + logErrorFunctionComplement((cut - j) / scale) - log(2)
      sum.add(below, isPositive: isPositive)
      sum.add(above, isPositive: isPositive)
      // Terms that fall and alternate leave less than the first one left out.
      if j < 0, max(below, above) < sum.logarithm - 36 { break }
      if j < 0 { isPositive.toggle() }
      logBinomial += log(abs(j) / (i + 1))
    }
    return sum.logarithm
  }

  /// Terms fall with the power -α - 2 of their number at worst.
  private static let mostTerms = 20_000
}

/// A sum of positive and negative numbers that are given by their logarithms.
private struct LogSum {
  private var scale = -Double.infinity
  private var total = 0.0

  mutating func add(_ logarithm: Double, isPositive: Bool = true) {
    guard logarithm > -.infinity else { return }
    if logarithm > scale {
      total *= exp(scale - logarithm)
      scale = logarithm
    }
    total += (isPositive ? 1 : -1) * exp(logarithm - scale)
  }

  var logarithm: Double { total > 0 ? scale + log(total) : -.infinity }
}

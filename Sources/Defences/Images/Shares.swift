import Solvers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Random shares in which images are mixed.
extension RandomSource {
  /// A number in 0...1 from the distribution Beta(α, α): x / (x + y), x and y being Gamma(α).
  mutating func beta(_ concentration: Double) -> Double {
    let (x, y) = (logGamma(concentration), logGamma(concentration))
    return 1 / (1 + exp(y - x))
  }

  /// The logarithm of a number from the distribution Gamma(shape, 1), which itself may underflow
  /// (Marsaglia and Tsang, "A simple method for generating gamma variables", 2000).
  private mutating func logGamma(_ shape: Double) -> Double {
    guard shape >= 1 else {
      return logGamma(shape + 1) + log(1 - uniform()) / shape
    }
    let d = shape - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = normal()
      let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
      guard v > 0 else { continue }
      if log(1 - uniform()) < x * x / 2 + d - d * v + d * log(v) { return log(d) + log(v) }
    }
  }

  /// Shares of a whole: uniform numbers divided by their sum, none above `cap`, which must be above
  /// 1 / count.
  mutating func cappedShares(_ count: Int, cap: Double) -> [Double] {
    precondition(count >= 1 && cap * Double(count) > 1, "\(count) shares of at most \(cap)")
    while true {
      let draws = (0..<count).map { _ in 1 - uniform() }
      let sum = draws.reduce(0, +)
      if draws.allSatisfy({ $0 <= cap * sum }) { return draws.map { $0 / sum } }
    }
  }
}

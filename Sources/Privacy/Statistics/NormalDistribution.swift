#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The standard normal distribution, to rounding in both tails.
package enum NormalDistribution {
  /// The chance of a value of at most `z`, Φ(z).
  package static func cumulative(_ z: Double) -> Double { 0.5 * erfc(-z / 2.0.squareRoot()) }

  /// The chance of a value above `z`, 1 - Φ(z).
  package static func tail(_ z: Double) -> Double { 0.5 * erfc(z / 2.0.squareRoot()) }

  /// log Φ(z), finite also where Φ(z) underflows.
  package static func logCumulative(_ z: Double) -> Double {
    // Near 1, its complement has the digits.
    z > 0 ? log1p(-tail(z)) : logErrorFunctionComplement(-z / 2.0.squareRoot()) - log(2)
  }

  /// A point, with the chance of the tail that it begins: all digits of chances between points are in their tails.
  struct Point {
    let isUpper: Bool
    let tail: Double

    init(_ z: Double) {
      isUpper = z > 0
      tail = 0.5 * erfc(abs(z) / 2.0.squareRoot())
    }
  }

  /// The chance of a value between two points, without loss of digits where both are in one tail.
  static func mass(from low: Point, to high: Point) -> Double {
    switch (low.isUpper, high.isUpper) {
    case (true, _): max(0, low.tail - high.tail)
    case (false, false): max(0, high.tail - low.tail)
    case (false, true): 1 - low.tail - high.tail
    }
  }

  /// The z with Φ(z) = `share`, by bisection; infinite at the ends of 0...1.
  package static func quantile(_ share: Double) -> Double {
    guard share > 0 else { return -.infinity }
    guard share < 1 else { return .infinity }
    // In the upper half the tail has fewer digits than the share: 1 - share is exact there.
    if share > 0.5 { return -quantile(1 - share) }
    return bisected(-40, 0) { cumulative($0) < share }
  }
}

/// Where `isBelow` turns false between two points: 200 halvings, which is as near as numbers are.
func bisected(_ low: Double, _ high: Double, isBelow: (Double) -> Bool) -> Double {
  var (low, high) = (low, high)
  for _ in 0..<200 {
    let middle = low + (high - low) / 2
    if middle <= low || middle >= high { break }
    if isBelow(middle) { low = middle } else { high = middle }
  }
  return high
}

/// log(erfc(x)), by its asymptotic series where erfc underflows (Abramowitz & Stegun 1964, 7.1.23).
func logErrorFunctionComplement(_ x: Double) -> Double {
  guard x > 20 else { return log(erfc(x)) }
  let inverse = 1 / (2 * x * x)
  let series = -inverse * (1 - 3 * inverse * (1 - 5 * inverse * (1 - 7 * inverse)))
  return -x * x - log(x) - 0.5 * log(Double.pi) + log1p(series)
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Tells the zeros of a rectifier's values, which are found up to errors, from what is positive.
///
/// True values are not negative, so the most negative one shows how large errors are; zeros end in the widest
/// gap, by ratio, near there.
struct ZeroTest {
  /// False where values are as far below zero as a rectifier's can be above it: they are not determined.
  let isClear: Bool
  private let edge: Double
  private let unit: Double

  /// - Parameter scaled: values in units of their standard deviations.
  init(_ scaled: [Double]) {
    let noise = max(scaled.reduce(0) { max($0, -$1) }, .leastNormalMagnitude)
    let logarithms = scaled.map { log10(max($0, noise / 3)) }.sorted()
    var edge = 2 * noise
    var widest = 0.0
    for (lower, upper) in zip(logarithms, logarithms.dropFirst())
    where lower < log10(100 * noise) && upper - lower > widest {
      widest = upper - lower
      edge = pow(10, (lower + upper) / 2)
    }
    self.edge = edge
    // The most negative of some ten thousand errors is four deviations away.
    unit = noise / 4
    let squares = scaled.reduce(0) { $0 + max($1, 0) * max($1, 0) }
    let positive = max(scaled.count { $0 > 0 }, 1)
    isClear = noise < ZeroTest.mostNoise * (squares / Double(positive)).squareRoot()
  }

  /// Of values whose deviations are right, but for a factor of two at most.
  init(noisy scaled: [Double]) {
    edge = min(max(4, 1.05 * scaled.reduce(0) { max($0, -$1) }), 8)
    unit = 1
    isClear = true
  }

  /// Largest negative value relative to the root mean square of positive ones.
  private static let mostNoise = 1e-2

  func isPositive(_ scaled: Double) -> Bool { scaled > edge }

  /// The value in standard deviations.
  func confidence(_ scaled: Double) -> Double { scaled / unit }
}

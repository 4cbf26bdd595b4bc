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
  /// Decades between the edge and the smallest value above: how clear the parting is.
  let margin: Double
  private let edge: Double

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
    let smallest = scaled.reduce(Double.infinity) { $1 > edge ? min($0, $1) : $0 }
    margin = smallest.isFinite ? log10(smallest / edge) : 0
  }

  func isPositive(_ scaled: Double) -> Bool { scaled > edge }
}

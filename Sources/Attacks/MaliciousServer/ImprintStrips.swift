import TensorGraph

/// The differences of neighbouring rows of an imprint's gradient: what the images between two thresholds add up to, once for
/// each copy of the rows.
struct ImprintStrips {
  /// One row of a copy: Σₙ sₙ (xₙ, 1) over the images of a bin.
  fileprivate struct Strip {
    /// Σₙ sₙ xₙ, and Σₙ sₙ last.
    let values: [Double]
    /// What rounding of the two rows may have done to it, as a norm.
    let rounding: Double
    /// The norm of ``values``.
    let norm: Double

    init(_ row: ArraySlice<Double>, _ next: ArraySlice<Double>?, precision: Double) {
      func squares(_ row: ArraySlice<Double>) -> Double { row.reduce(0) { $0 + $1 * $1 } }
      values = next.map { zip(row, $0).map { $0 - $1 } } ?? Array(row)
      norm = squares(values[...]).squareRoot()
      rounding = precision * (squares(row).squareRoot() + (next.map(squares) ?? 0).squareRoot())
    }

    /// Σₙ sₙ.
    var sum: Double { values.last ?? 0 }

    /// The norm of what `other` has besides a multiple of this one.
    func rest(of other: Strip) -> Double {
      let share = zip(values, other.values).reduce(0) { $0 + $1.0 * $1.1 } / (norm * norm)
      return zip(values, other.values).reduce(0) { sum, pair in
        let rest = pair.1 - share * pair.0
        return sum + rest * rest
      }.squareRoot()
    }
  }

  /// A bin that holds anything.
  struct Bin {
    let number: Int
    /// One for each copy.
    fileprivate let strips: [Strip]

    /// Σₙ sₙ xₙ / Σₙ sₙ: the image of a bin that holds one, by the copy that tells it best.
    var image: [Double] {
      guard let values = strips.max(by: { abs($0.sum) < abs($1.sum) })?.values,
        let sum = values.last
      else { return [] }
      return values.dropLast().map { $0 / sum }
    }

    /// Whether the copies' strips are multiples of one, to rounding, and well above it.
    var isSingle: Bool {
      let clear = strips.filter { $0.norm > 100 * $0.rounding }
      guard clear.count > 1, let base = clear.max(by: { $0.norm < $1.norm }) else { return false }
      return strips.allSatisfy { strip in
        base.rest(of: strip) <= strip.rounding + base.rounding * strip.norm / base.norm
      }
    }
  }

  /// In order.
  let occupied: [Bin]

  /// - Parameters:
  ///   - rows: gradient of the measuring matrix, [copies · bins, pixels].
  ///   - sums: of its bias, [copies · bins].
  init(rows: Tensor, sums: Tensor, copies: Int) {
    let (matrix, biases) = (rows.doubles, sums.doubles)
    let pixels = rows.shape[1]
    let bins = sums.shape[0] / copies
    // Sums of many products: some units in the last place.
    let precision = 64 * (sums.dtype == .f64 ? 0x1p-53 : 0x1p-24)
    let largest = biases.reduce(0) { max($0, abs($1)) }
    // Below this a difference of sums is rounding.
    let least = largest * (sums.dtype == .f64 ? 1e-13 : 1e-6)
    func isLast(_ bin: Int) -> Bool { bin + 1 == bins }
    func holdsAnything(_ bin: Int) -> Bool {
      (0..<copies).contains { copy in
        let place = copy * bins + bin
        return abs(biases[place] - (isLast(bin) ? 0 : biases[place + 1])) > least
      }
    }
    func row(_ copy: Int, _ bin: Int) -> ArraySlice<Double> {
      let place = copy * bins + bin
      return (matrix[place * pixels..<(place + 1) * pixels] + [biases[place]])[...]
    }
    occupied = (0..<bins).filter(holdsAnything).map { bin in
      Bin(
        number: bin,
        strips: (0..<copies).map { copy in
          Strip(
            row(copy, bin), isLast(bin) ? nil : row(copy, bin + 1), precision: precision)
        })
    }
  }

  /// Whether the copies tell images apart at all: some bin's effects sₙ on the copies are not those of another's but for a factor.
  /// (Of one output all are alike, and two images in a bin look like one.)
  var provesAlone: Bool {
    guard let first = occupied.first, first.strips.count > 1 else { return false }
    func effect(_ bin: Bin) -> Strip { Strip(bin.strips.map(\.sum)[...], nil, precision: 0) }
    let base = effect(first)
    return occupied.contains { bin in
      let own = effect(bin)
      let noise = zip(bin.strips, first.strips).map { $0.rounding + $1.rounding }.max() ?? 0
      return base.rest(of: own) > 100 * noise + 1e-3 * own.norm
    }
  }
}

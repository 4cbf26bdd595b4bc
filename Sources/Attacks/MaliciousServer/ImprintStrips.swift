import TensorGraph

/// The differences of neighbouring rows of an imprint's gradient: what the images between two thresholds add up to, once for
/// each copy of the rows.
struct ImprintStrips {
  /// One row of a copy: Σₙ sₙ (xₙ, 1) over the images of a bin.
  private struct Strip {
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

    /// The share of `other` that is along this one, and the norm of the rest.
    func rest(of other: Strip) -> Double {
      let share = zip(values, other.values).reduce(0) { $0 + $1.0 * $1.1 } / (norm * norm)
      return zip(values, other.values).reduce(0) { sum, pair in
        let rest = pair.1 - share * pair.0
        return sum + rest * rest
      }.squareRoot()
    }
  }

  /// By copy, then bin.
  private let strips: [[Strip]]
  /// Bins that hold anything.
  let occupied: [Int]

  /// - Parameters:
  ///   - rows: gradient of the measuring matrix, [copies · bins, pixels].
  ///   - sums: of its bias, [copies · bins].
  init(rows: Tensor, sums: Tensor, copies: Int) {
    let (matrix, biases) = (rows.doubles, sums.doubles)
    let pixels = rows.shape[1]
    let bins = sums.shape[0] / copies
    // Sums of many products: some units in the last place.
    let precision = 64 * (sums.dtype == .f64 ? 0x1p-53 : 0x1p-24)
    strips = (0..<copies).map { copy in
      func row(_ bin: Int) -> ArraySlice<Double> {
        let place = copy * bins + bin
        return (matrix[place * pixels..<(place + 1) * pixels] + [biases[place]])[...]
      }
      return (0..<bins).map { bin in
        Strip(row(bin), bin + 1 < bins ? row(bin + 1) : nil, precision: precision)
      }
    }
    let largest = biases.reduce(0) { max($0, abs($1)) }
    // Below this a difference of sums is rounding.
    let least = largest * (sums.dtype == .f64 ? 1e-13 : 1e-6)
    let strips = self.strips
    occupied = (0..<bins).filter { bin in
      strips.contains { abs($0[bin].values.last ?? 0) > least }
    }
  }

  /// Σₙ sₙ xₙ / Σₙ sₙ: the image of a bin that holds one, by the copy that tells it best.
  func image(of bin: Int) -> [Double] {
    let best = strips.max { abs($0[bin].values.last ?? 0) < abs($1[bin].values.last ?? 0) }
    guard let values = best?[bin].values, let sum = values.last else { return [] }
    return values.dropLast().map { $0 / sum }
  }

  /// Whether the copies tell images apart at all: some bin's effects sₙ on the copies are not those of another's but for a factor.
  /// (Of one output all are alike, and two images in a bin look like one.)
  var provesAlone: Bool {
    guard strips.count > 1, let first = occupied.first else { return false }
    let effects = occupied.map { bin in
      Strip(strips.map { $0[bin].values.last ?? 0 }[...], nil, precision: 0)
    }
    return zip(occupied, effects).contains { bin, effect in
      let noise = strips.map { $0[bin].rounding + $0[first].rounding }.max() ?? 0
      return effects[0].rest(of: effect) > 100 * noise + 1e-3 * effect.norm
    }
  }

  /// Whether the copies' strips of a bin are multiples of one, to rounding, and well above it.
  func isSingle(_ bin: Int) -> Bool {
    let copies = strips.map { $0[bin] }
    let clear = copies.filter { $0.norm > 100 * $0.rounding }
    guard clear.count > 1, let base = clear.max(by: { $0.norm < $1.norm }) else { return false }
    return copies.allSatisfy { strip in
      base.rest(of: strip) <= strip.rounding + base.rounding * strip.norm / base.norm
    }
  }
}

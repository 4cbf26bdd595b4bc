import TensorGraph

/// How coarsely the weights were rounded whose difference a client shared. The difference of two numbers of
/// a format lies on the format's grid at the size of the weights, however few digits it has itself.
enum WeightGrid {
  /// Significant bits and least exponent of the formats, the coarsest first.
  private static let formats: [(bits: Int, leastExponent: Int)] = [
    (8, -126), (11, -14), (24, -126), (53, -1022),
  ]

  /// The squared error that rounding the weights after a step brings to their difference.
  ///
  /// - Parameters:
  ///   - difference: weights after minus weights before.
  ///   - weights: before, rounded or not.
  static func roundingEnergy(of difference: Tensor, weights: Tensor) -> Double {
    let (changes, weights) = (difference.doubles, weights.doubles)
    let format =
      formats.first { format in
        share(of: zip(changes, weights).filter { $0.0 != 0 }) { change, weight in
          // Weights may be rounded to the next power of two, and fall below one.
          isMultiple(change, of: step(at: max(abs(weight), abs(change)), format) / 4)
        } >= enough
      } ?? formats[formats.count - 1]
    let isStartExact =
      share(of: weights.map { ($0, $0) }) { weight, _ in
        isMultiple(weight, of: step(at: abs(weight), format))
      } >= enough
    let energy = zip(changes, weights).reduce(0.0) { sum, pair in
      let unit = step(at: max(abs(pair.1), abs(pair.0 + pair.1)), format)
      return sum + unit * unit / 12
    }
    return isStartExact ? energy : 2 * energy
  }

  /// Share of the numbers that have to lie on a grid: where a change all but cancels its weight, the grid is
  /// a finer one.
  private static let enough = 0.9

  private static func share(
    of pairs: [(Double, Double)], _ holds: (Double, Double) -> Bool
  ) -> Double {
    pairs.isEmpty ? 0 : Double(pairs.count { holds($0.0, $0.1) }) / Double(pairs.count)
  }

  private static func isMultiple(_ value: Double, of unit: Double) -> Bool {
    unit == 0 ? value == 0 : (value / unit).rounded() == value / unit
  }

  /// The distance of neighbouring numbers of a format at a size.
  private static func step(at size: Double, _ format: (bits: Int, leastExponent: Int)) -> Double {
    guard size > 0, size.isFinite else { return 0 }
    let exponent = max(size.exponent, Double.Exponent(format.leastExponent))
    return Double(sign: .plus, exponent: exponent - format.bits + 1, significand: 1)
  }
}

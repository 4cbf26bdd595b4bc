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
        zip(changes, weights).allSatisfy { change, weight in
          guard change != 0 else { return true }
          // Weights may be rounded to the next power of two, and fall below one.
          let unit = step(at: max(abs(weight), abs(change)), format) / 4
          return (change / unit).rounded() == change / unit
        }
      } ?? formats[formats.count - 1]
    return weights.reduce(0) { sum, weight in
      let unit = step(at: abs(weight), format)
      return sum + unit * unit / 12
    }
  }

  /// The distance of neighbouring numbers of a format at a size.
  private static func step(at size: Double, _ format: (bits: Int, leastExponent: Int)) -> Double {
    guard size > 0, size.isFinite else { return 0 }
    let exponent = max(size.exponent, Double.Exponent(format.leastExponent))
    return Double(sign: .plus, exponent: exponent - format.bits + 1, significand: 1)
  }
}

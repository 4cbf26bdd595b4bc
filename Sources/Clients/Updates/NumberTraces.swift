import TensorGraph

/// What the numbers of a tensor tell of how they were made: norms, zeros, and traces of rounding,
/// sparsification and quantisation.
package struct NumberTraces: Sendable, Hashable {
  /// The coarsest floating-point format that holds every number exactly.
  package enum Format: String, Sendable, Hashable, CaseIterable, Codable {
    case brainFloat = "bf16"
    case half = "f16"
    case single = "f32"
    case double = "f64"

    /// The mean squared relative error of rounding to this format: a third of the square of half a unit
    /// in the last place, which is between 2^-p-1 and 2^-p of the number.
    var relativeRounding: Double {
      switch self {
      case .brainFloat: 0x1p-16 / 6
      case .half: 0x1p-22 / 6
      case .single: 0x1p-48 / 6
      case .double: 0x1p-106 / 6
      }
    }
  }

  package let count: Int
  /// Euclidean norm of the finite elements.
  package let norm: Double
  package let zeroCount: Int
  package let nonFiniteCount: Int
  /// The largest absolute value of the finite elements.
  package let largest: Double
  package let format: Format
  /// Number of different values, when at most ``distinctLimit``.
  package let distinctCount: Int?
  /// The step of the grid that all values lie on, when they are at most ``distinctLimit`` and at least
  /// 3 different ones, as after uniform quantisation.
  package let gridStep: Double?

  /// The most different values that are counted.
  package static let distinctLimit = 256

  /// - Parameter tensor: of floating-point numbers.
  package init(_ tensor: Tensor) {
    let elements = tensor.doubles
    var (square, zeros, broken, largest) = (0.0, 0, 0, 0.0)
    var distinct: Set<Double>? = []
    var (isSingle, isHalf, isBrain) = (true, true, true)
    for element in elements {
      guard element.isFinite else {
        broken += 1
        continue
      }
      square += element * element
      if element == 0 { zeros += 1 }
      largest = max(largest, abs(element))
      isSingle = isSingle && Double(Float(element)) == element
      isHalf = isHalf && element.isHalf
      isBrain = isBrain && element.isBrainFloat
      if distinct != nil {
        distinct?.insert(element)
        if (distinct?.count ?? 0) > NumberTraces.distinctLimit { distinct = nil }
      }
    }
    count = elements.count
    norm = square.squareRoot()
    zeroCount = zeros
    nonFiniteCount = broken
    self.largest = largest
    format = isBrain ? .brainFloat : isHalf ? .half : isSingle ? .single : .double
    let isCountTelling = distinct.map { $0.count * 4 <= elements.count } ?? false
    distinctCount = isCountTelling ? distinct?.count : nil
    gridStep = isCountTelling ? distinct.flatMap(NumberTraces.step(of:)) : nil
  }

  /// The greatest step of which all differences are multiples, within rounding.
  private static func step(of values: Set<Double>) -> Double? {
    let sorted = values.sorted()
    guard sorted.count >= 3 else { return nil }
    let gaps = zip(sorted.dropFirst(), sorted).map { $0 - $1 }
    guard let step = gaps.min(), step > 0, let last = sorted.last else { return nil }
    let tolerance = 1e-3 + abs(last - sorted[0]) / step * 1e-7
    let isGrid = gaps.allSatisfy { gap in
      let multiple = gap / step
      return abs(multiple - multiple.rounded()) < tolerance
    }
    return isGrid && tolerance < 0.1 ? step : nil
  }
}

extension Double {
  /// Whether an IEEE half holds this number: 11 significant bits, exponents -24 to 15.
  fileprivate var isHalf: Bool {
    if self == 0 { return true }
    guard abs(self) <= 65504 else { return false }
    // Below 2^-14 the format is a grid of 2^-24.
    let unit =
      exponent < -14 ? 0x1p-24 : Double(sign: .plus, exponent: exponent - 10, significand: 1)
    return (self / unit).rounded() == self / unit
  }

  /// Whether a brain float holds this number: a single with the lower 16 bits zero.
  fileprivate var isBrainFloat: Bool {
    let single = Float(self)
    return Double(single) == self && single.bitPattern & 0xFFFF == 0
  }
}

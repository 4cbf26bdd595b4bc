import TensorGraph

/// Shape and values of one operand. Floating-point operands take the type that a test asks for.
public struct OperandValues: Sendable {
  /// Of the operand.
  public let shape: Shape
  private let fixedType: DType?
  private let elements: @Sendable (Int, inout SplitMix64) -> [Double]

  private init(
    _ shape: Shape, _ fixedType: DType? = nil,
    _ elements: @escaping @Sendable (Int, inout SplitMix64) -> [Double]
  ) {
    self.shape = shape
    self.fixedType = fixedType
    self.elements = elements
  }

  /// Uniform in a range.
  public static func uniform(
    _ shape: Shape, in range: ClosedRange<Double> = -2...2
  ) -> OperandValues {
    OperandValues(shape) { count, random in (0..<count).map { _ in random.uniform(in: range) } }
  }

  /// Of either sign, with magnitudes uniform in a range: away from a kink or pole at 0.
  public static func signed(_ shape: Shape, magnitudes: ClosedRange<Double>) -> OperandValues {
    OperandValues(shape) { count, random in
      (0..<count).map { _ in
        let magnitude = random.uniform(in: magnitudes)
        return random.next() & 1 == 0 ? magnitude : -magnitude
      }
    }
  }

  /// Shuffled steps of 0.1 around 0, moved by `offset`: no two are nearly equal.
  public static func distinct(_ shape: Shape, offset: Double = 0) -> OperandValues {
    OperandValues(shape) { count, random in
      (0..<count).map { Double($0 - count / 2) * 0.1 + offset }.shuffled(using: &random)
    }
  }

  /// Integers of the floating-point type, so that ties are many.
  public static func ties(_ shape: Shape, in range: ClosedRange<Int> = -1...1) -> OperandValues {
    OperandValues(shape) { count, random in
      (0..<count).map { _ in Double(Int.random(in: range, using: &random)) }
    }
  }

  /// At least 0.2 away from any integer.
  public static func betweenIntegers(_ shape: Shape) -> OperandValues {
    OperandValues(shape) { count, random in
      (0..<count).map { _ in
        Double(Int.random(in: -3...2, using: &random)) + random.uniform(in: 0.2...0.8)
      }
    }
  }

  /// Given floating-point elements.
  public static func listed(_ shape: Shape, _ elements: [Double]) -> OperandValues {
    OperandValues(shape) { _, _ in elements }
  }

  /// Integers of a given type.
  public static func integers(
    _ shape: Shape, _ dtype: DType = .i32, in range: ClosedRange<Int>
  ) -> OperandValues {
    OperandValues(shape, dtype) { count, random in
      (0..<count).map { _ in Double(Int.random(in: range, using: &random)) }
    }
  }

  /// Both values, at random.
  public static func booleans(_ shape: Shape) -> OperandValues {
    OperandValues(shape, .bool) { count, random in
      (0..<count).map { _ in Double(random.next() & 1) }
    }
  }

  func tensor(_ dtype: DType, _ random: inout SplitMix64) -> Tensor {
    Tensor(shape, fixedType ?? dtype, elements(shape.elementCount, &random))
  }
}

/// Steele, Lea and Flood's generator (OOPSLA 2014): small, seeded, the same everywhere.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// A stream of its own for each seed.
  public init(seed: UInt64) {
    state = seed
  }

  /// 64 random bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }

  /// A number within the range.
  public mutating func uniform(in range: ClosedRange<Double>) -> Double {
    let unit = Double(next() >> 11) / Double(1 << 53)
    return range.lowerBound + unit * (range.upperBound - range.lowerBound)
  }
}

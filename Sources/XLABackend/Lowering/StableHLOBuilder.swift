import TensorGraph

/// Writes the operations of a StableHLO function as text, one line each: what every plugin of XLA reads.
///
/// Forms are those of the StableHLO specification, https://openxla.org/stablehlo/spec, as the parsers of
/// versions 1.13 to 1.22 take them.
struct StableHLOBuilder {
  /// What an operation computes, and what it is called.
  struct Value {
    let name: String
    let type: TensorType

    var shape: Shape { type.shape }
    var dtype: DType { type.dtype }
  }

  private(set) var lines: [String] = []
  private var valueCount = 0

  // MARK: - Lines

  /// A line with an operation of one result.
  mutating func add(_ operation: String, _ type: TensorType) -> Value {
    valueCount += 1
    let name = "%\(valueCount)"
    lines.append("\(name) = \(operation)")
    return Value(name: name, type: type)
  }

  /// An operation whose operands have the type of its result.
  mutating func apply(_ name: String, _ operands: Value..., type: TensorType) -> Value {
    let names = operands.map(\.name).joined(separator: ", ")
    return add("stablehlo.\(name) \(names) : \(StableHLO.text(type))", type)
  }

  /// An operation that is followed by the types of its operands and result.
  mutating func call(_ head: String, _ operands: [Value], _ type: TensorType) -> Value {
    let types = operands.map { StableHLO.text($0.type) }.joined(separator: ", ")
    return add("stablehlo.\(head) : (\(types)) -> \(StableHLO.text(type))", type)
  }

  /// An operation of several lines, which `lines` makes of the result's name.
  mutating func add(_ type: TensorType, lines text: (String) -> [String]) -> Value {
    valueCount += 1
    let name = "%\(valueCount)"
    lines += text(name)
    return Value(name: name, type: type)
  }

  // MARK: - Operations

  /// The same number everywhere; takes no memory, whatever the shape.
  mutating func splat(_ value: Double, _ type: TensorType) -> Value {
    add(
      "stablehlo.constant dense<\(StableHLO.literal(value, type.dtype))> : \(StableHLO.text(type))",
      type)
  }

  mutating func splat(_ value: Double, like other: Value) -> Value { splat(value, other.type) }

  mutating func iota(_ type: TensorType, axis: Int) -> Value {
    add("stablehlo.iota dim = \(axis) : \(StableHLO.text(type))", type)
  }

  enum Direction: String {
    case equal = "EQ"
    case notEqual = "NE"
    case less = "LT"
    case lessOrEqual = "LE"
    case greater = "GT"
    case greaterOrEqual = "GE"
  }

  mutating func compare(_ left: Value, _ direction: Direction, _ right: Value) -> Value {
    let kind =
      switch left.dtype {
      case .f32, .f64: "FLOAT"
      case .i32, .i64: "SIGNED"
      case .bool: "UNSIGNED"
      }
    return call(
      "compare \(direction.rawValue), \(left.name), \(right.name), \(kind)", [left, right],
      TensorType(left.shape, .bool))
  }

  mutating func select(_ condition: Value, _ whenTrue: Value, _ whenFalse: Value) -> Value {
    add(
      "stablehlo.select \(condition.name), \(whenTrue.name), \(whenFalse.name) : "
        + "\(StableHLO.text(condition.type)), \(StableHLO.text(whenTrue.type))", whenTrue.type)
  }

  mutating func and(_ left: Value, _ right: Value) -> Value {
    apply("and", left, right, type: left.type)
  }

  mutating func or(_ left: Value, _ right: Value) -> Value {
    apply("or", left, right, type: left.type)
  }

  mutating func broadcast(_ value: Value, to shape: Shape, axes: [Int]) -> Value {
    call(
      "broadcast_in_dim \(value.name), dims = \(StableHLO.list(axes))", [value],
      TensorType(shape, value.dtype))
  }

  mutating func reshape(_ value: Value, to shape: Shape) -> Value {
    call("reshape \(value.name)", [value], TensorType(shape, value.dtype))
  }

  mutating func transpose(_ value: Value, _ permutation: [Int]) -> Value {
    call(
      "transpose \(value.name), dims = \(StableHLO.list(permutation))", [value],
      TensorType(Shape(permutation.map { value.shape[$0] }), value.dtype))
  }

  mutating func reverse(_ value: Value, axes: [Int]) -> Value {
    add(
      "stablehlo.reverse \(value.name), dims = \(StableHLO.list(axes)) : "
        + StableHLO.text(value.type), value.type)
  }

  mutating func slice(
    _ value: Value, starts: [Int], limits: [Int], strides: [Int], _ shape: Shape
  ) -> Value {
    let ranges = starts.indices.map { "\(starts[$0]):\(limits[$0]):\(strides[$0])" }
    return call(
      "slice \(value.name) [\(ranges.joined(separator: ", "))]", [value],
      TensorType(shape, value.dtype))
  }

  mutating func pad(
    _ value: Value, with filling: Double = 0, low: [Int], high: [Int], interior: [Int],
    _ shape: Shape
  ) -> Value {
    let filling = splat(filling, TensorType([], value.dtype))
    return call(
      "pad \(value.name), \(filling.name), low = \(StableHLO.list(low)), "
        + "high = \(StableHLO.list(high)), interior = \(StableHLO.list(interior))",
      [value, filling], TensorType(shape, value.dtype))
  }

  /// - Parameter identity: what no elements reduce to.
  mutating func reduce(
    _ name: String, _ value: Value, identity: Double, axes: [Int], _ shape: Shape
  ) -> Value {
    let start = splat(identity, TensorType([], value.dtype))
    return call(
      "reduce(\(value.name) init: \(start.name)) applies stablehlo.\(name) across dimensions = "
        + StableHLO.list(axes), [value, start], TensorType(shape, value.dtype))
  }
}

/// Types, numbers and lists as StableHLO's text has them.
enum StableHLO {
  static func text(_ type: TensorType) -> String {
    let element = type.dtype == .bool ? "i1" : type.dtype.rawValue
    return "tensor<" + type.shape.dimensions.map { "\($0)x" }.joined() + element + ">"
  }

  static func list(_ numbers: [Int]) -> String {
    "[" + numbers.map(String.init).joined(separator: ", ") + "]"
  }

  /// The element that a number becomes, by the rule of `Tensor`; floating-point numbers by their bits, so that every
  /// one of them, infinities and NaN too, is exact.
  static func literal(_ value: Double, _ dtype: DType) -> String {
    switch Tensor(scalar: value, dtype).storage {
    case .f32(let elements): hexadecimal(elements[0].bitPattern)
    case .f64(let elements): hexadecimal(elements[0].bitPattern)
    case .i32(let elements): String(elements[0])
    case .i64(let elements): String(elements[0])
    case .bool(let elements): String(elements[0])
    }
  }

  private static func hexadecimal(_ bits: some FixedWidthInteger) -> String {
    let digits = String(bits, radix: 16, uppercase: true)
    return "0x" + String(repeating: "0", count: bits.bitWidth / 4 - digits.count) + digits
  }
}

import TensorGraph

extension ElementwiseOp {
  func lower(
    _ operands: [StableHLOBuilder.Value], _ type: TensorType, _ builder: inout StableHLOBuilder
  ) -> StableHLOBuilder.Value {
    let first = operands[0]
    switch self {
    case .unary(.erf):
      // StableHLO has none; CHLO, which plugins read too, has.
      let text = StableHLO.text(type)
      return builder.add("chlo.erf \(first.name) : \(text) -> \(text)", type)
    case .unary(let op):
      return builder.apply(op.stableHLOName, first, type: type)
    case .binary(.divide) where type.dtype.isInteger:
      return integerQuotient(first, operands[1], &builder)
    case .binary(let op):
      return builder.apply(op.stableHLOName, first, operands[1], type: type)
    case .compare(let comparison):
      return builder.compare(first, comparison.direction, operands[1])
    case .select:
      return builder.select(first, operands[1], operands[2])
    case .convert:
      return builder.call("convert \(first.name)", [first], type)
    }
  }
}

/// XLA leaves it to the platform what a number divided by zero is, and the smallest divided by -1, which has no
/// quotient: the largest is the nearest.
private func integerQuotient(
  _ dividend: StableHLOBuilder.Value, _ divisor: StableHLOBuilder.Value,
  _ builder: inout StableHLOBuilder
) -> StableHLOBuilder.Value {
  let isZero = builder.compare(divisor, .equal, builder.splat(0, like: divisor))
  let overflows = builder.and(
    builder.compare(divisor, .equal, builder.splat(-1, like: divisor)),
    builder.compare(dividend, .equal, builder.splat(-.infinity, like: dividend)))
  let safe = builder.select(
    builder.or(isZero, overflows), builder.splat(1, like: divisor), divisor)
  let quotient = builder.apply("divide", dividend, safe, type: dividend.type)
  let bounded = builder.select(overflows, builder.splat(.infinity, like: dividend), quotient)
  return builder.select(isZero, builder.splat(0, like: dividend), bounded)
}

extension UnaryOp {
  fileprivate var stableHLOName: String {
    switch self {
    case .negate: "negate"
    case .absolute: "abs"
    case .sign: "sign"
    case .floor: "floor"
    case .exp: "exponential"
    case .log: "log"
    case .log1p: "log_plus_one"
    case .sqrt: "sqrt"
    case .rsqrt: "rsqrt"
    case .sin: "sine"
    case .cos: "cosine"
    case .tanh: "tanh"
    case .sigmoid: "logistic"
    case .erf: "erf"
    case .not: "not"
    }
  }
}

extension BinaryOp {
  fileprivate var stableHLOName: String {
    switch self {
    case .add: "add"
    case .subtract: "subtract"
    case .multiply: "multiply"
    case .divide: "divide"
    case .power: "power"
    case .maximum: "maximum"
    case .minimum: "minimum"
    case .and: "and"
    case .or: "or"
    }
  }
}

extension Comparison {
  fileprivate var direction: StableHLOBuilder.Direction {
    switch self {
    case .less: .less
    case .lessOrEqual: .lessOrEqual
    case .equal: .equal
    }
  }
}

import TensorGraph

/// Sums, products and their kin, with broadcasting.
let arithmeticOperators: [OperatorEntry] = [
  .binary("Add", .add), .binary("Sub", .subtract), .binary("Mul", .multiply),
  .binary("Div", .divide),
  .uniform("Pow") { call throws(ONNXError) in try power(call) },
  .uniform("Mod", since: 10) { call throws(ONNXError) in
    try modulo(call.term(0), call.term(1), truncates: call.flag("fmod"))
  },
  .uniform("Sum") { call throws(ONNXError) in try combined(call.terms(), .add) },
  .uniform("Max") { call throws(ONNXError) in try combined(call.terms(), .maximum) },
  .uniform("Min") { call throws(ONNXError) in try combined(call.terms(), .minimum) },
  .uniform("Mean") { call throws(ONNXError) in
    try combined(call.terms(), .add) / Double(call.operands.count)
  },
  .uniform("BitShift", since: 11) { call throws(ONNXError) in try bitShift(call) },
]

extension OperatorEntry {
  static func binary(_ name: String, _ op: BinaryOp) -> OperatorEntry {
    .uniform(name) { call throws(ONNXError) in
      let (left, right) = try call.broadcastOperands()
      return try left.binary(op, right)
    }
  }
}

extension OperatorCall {
  /// The two operands. Before operator set 7 the right one's axes start at the attribute `axis`.
  func broadcastOperands() throws(ONNXError) -> (Term, Term) {
    let (left, right) = (try term(0), try term(1))
    guard opset < 7, let axis = integer("axis") else { return (left, right) }
    let start = try self.axis(axis, rank: left.rank)
    let trailing = left.rank - start - right.rank
    guard trailing >= 0 else {
      throw ONNXError(
        .malformed, "its right operand \(right.shape) does not fit axis \(axis) of \(left.shape)")
    }
    let ones = [Int](repeating: 1, count: trailing)
    return (left, try right.reshape(right.shape.dimensions + ones))
  }
}

private func combined(_ terms: [Term], _ op: BinaryOp) throws(ONNXError) -> Term {
  guard var result = terms.first else { throw ONNXError(.malformed, "it has no inputs") }
  for term in terms.dropFirst() { result = try result.binary(op, term) }
  return result
}

/// Base to the exponent, in the base's type. Usual constant exponents become products and roots,
/// whose derivatives are exact at 0 and for negative bases.
private func power(_ call: OperatorCall) throws(ONNXError) -> Term {
  let (base, exponent) = try call.broadcastOperands()
  guard base.dtype.isFloatingPoint else {
    let raised = try base.converted(.f64).binary(.power, exponent.converted(.f64))
    let isWhole = try raised.absolute().less(0x1p52)
    return try isWhole.select(raised.roundedHalfUp(), raised).converted(base.dtype)
  }
  if let constant = try call.operand(1).host?.uniformValue,
    try Shape.broadcast([base.shape, exponent.shape]) == base.shape
  {
    switch constant {
    case 1: return base
    case 2: return try base.squared()
    case 3: return try base.squared() * base
    case 0.5: return try base.sqrt()
    case -0.5: return try base.unary(.rsqrt)
    case -1: return try 1 / base
    default: break
    }
  }
  return try base.binary(.power, exponent.converted(base.dtype))
}

/// The remainder: with the dividend's sign when truncating, else with the divisor's.
func modulo(_ dividend: Term, _ divisor: Term, truncates: Bool) throws(ONNXError) -> Term {
  let (left, right) = try Term.broadcastTogether(dividend, divisor)
  let quotient = try left / right
  let whole = left.dtype.isFloatingPoint ? try quotient.truncated() : quotient
  let remainder = try left - whole * right
  if truncates {
    guard left.dtype.isFloatingPoint else { return remainder }
    let isAbove = try right.absolute().equal(.infinity).and(left.absolute().less(.infinity))
    return try isAbove.select(left, remainder)
  }
  let zero = try left.filled(0)
  let differs = try remainder.less(zero).equal(right.less(zero)).not()
  let isWrong = try differs.and(remainder.equal(zero).not())
  let result = try isWrong.select(remainder + right, remainder)
  guard left.dtype.isFloatingPoint else { return result }
  // Below an infinite divisor lies every finite number.
  let isAbove = try right.absolute().equal(.infinity).and(left.absolute().less(.infinity))
  let agrees = try left.less(zero).equal(right.less(zero)).or(left.equal(zero))
  return try isAbove.select(agrees.select(left, right), result)
}

/// Bits that leave the type are lost; a shift to the right keeps the sign. A shift that is negative
/// or as wide as the type leaves nothing but the sign.
private func bitShift(_ call: OperatorCall) throws(ONNXError) -> Term {
  let (left, right) = try Term.broadcastTogether(call.term(0), call.term(1))
  let type = try call.operand(0).type
  let bits = Double(8 * type.byteCount)
  let value = try left.converted(.i64)
  let count = try right.converted(.i64)
  let isWhole = try count.less(0).or(count.greater(bits - 1)).not()
  let bounded = try count.maximum(0).minimum(Swift.min(bits - 1, 62))
  let factor = try bounded.filled(2).converted(.f64).binary(.power, bounded.converted(.f64))
    .roundedHalfUp().converted(.i64)
  guard call.string("direction") == "LEFT" else {
    // Rounded down, as the sign is kept.
    let remainder = try modulo(value, factor, truncates: false)
    let sign = try value.less(0).select(value.filled(-1), value.filled(0))
    return try isWhole.select((value - remainder) / factor, sign).converted(left.dtype)
  }
  guard type.byteCount < 8 else {
    return try isWhole.select(value * factor, value.filled(0))
  }
  let range = Double(1 << (8 * type.byteCount))
  // Only the bits that stay are multiplied, so that nothing overflows.
  let room = try range / factor
  let kept = try modulo(value, room, truncates: false)
  var shifted = try isWhole.select(kept * factor, value.filled(0))
  if !type.isUnsigned {
    shifted = try shifted.less(range / 2).select(shifted, shifted - range)
  }
  return try shifted.converted(left.dtype)
}

extension Term {
  func roundedHalfUp() throws(ONNXError) -> Term { try (self + 0.5).floor() }

  /// Rounded towards zero.
  func truncated() throws(ONNXError) -> Term {
    let isNegative = try less(0)
    return try isNegative.select(ceil(), floor())
  }
}

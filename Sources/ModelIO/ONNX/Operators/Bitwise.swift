import TensorGraph

/// Bitwise operations, bit by bit: no primitive sees the bits of a number.
let bitwiseOperators: [OperatorEntry] = [
  .bitwise("BitwiseAnd") { a, b throws(ONNXError) in try a * b },
  .bitwise("BitwiseOr") { a, b throws(ONNXError) in try a + b - a * b },
  .bitwise("BitwiseXor") { a, b throws(ONNXError) in try a + b - a * b * 2 },
  .uniform("BitwiseNot", since: 18) { call throws(ONNXError) in
    let x = try call.term(0)
    let type = try call.operand(0).type
    // In two's complement -1 - x; without a sign, the largest number - x.
    guard type.isUnsigned else { return try -1 - x }
    guard type.byteCount < 8 else {
      throw ONNXError(.unsupported, "it is not supported on uint64")
    }
    return try Double((1 << (8 * type.byteCount)) - 1) - x
  },
]

extension OperatorEntry {
  fileprivate static func bitwise(
    _ name: String, _ bit: @escaping @Sendable (Term, Term) throws(ONNXError) -> Term
  ) -> OperatorEntry {
    .uniform(name, since: 18, restrictions: "no 64-bit integers") { call throws(ONNXError) in
      let type = try call.operand(0).type
      guard type.byteCount < 8 else {
        throw ONNXError(.unsupported, "it is not supported on 64-bit integers")
      }
      let bits = 8 * type.byteCount
      let range = Double(1 << bits)
      var (left, right) = try Term.broadcastTogether(
        call.term(0).converted(.i64), call.term(1).converted(.i64))
      // Two's complement as a number without a sign.
      left = try left.less(0).select(left + range, left)
      right = try right.less(0).select(right + range, right)
      var result = try left.filled(0)
      for place in 0..<bits {
        let (halfLeft, halfRight) = (try left / 2, try right / 2)
        let lowest = try bit(left - halfLeft * 2, right - halfRight * 2)
        result = try result + lowest * Double(1 << place)
        (left, right) = (halfLeft, halfRight)
      }
      if !type.isUnsigned {
        result = try result.less(range / 2).select(result, result - range)
      }
      return try result.converted(type.dtype(floating: call.emission.floating))
    }
  }
}

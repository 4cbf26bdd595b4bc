import TensorGraph

/// Comparisons, logic and selection by condition.
let comparisonOperators: [OperatorEntry] = [
  .comparison("Equal") { a, b throws(ONNXError) in try a.equal(b) },
  .comparison("Less") { a, b throws(ONNXError) in try a.less(b) },
  .comparison("Greater") { a, b throws(ONNXError) in try a.greater(b) },
  .comparison("LessOrEqual", since: 12) { a, b throws(ONNXError) in
    try a.compare(.lessOrEqual, b)
  },
  .comparison("GreaterOrEqual", since: 12) { a, b throws(ONNXError) in
    try b.compare(.lessOrEqual, a)
  },
  .comparison("And") { a, b throws(ONNXError) in try a.and(b) },
  .comparison("Or") { a, b throws(ONNXError) in try a.or(b) },
  .comparison("Xor") { a, b throws(ONNXError) in try a.or(b).and(a.and(b).not()) },
  .function("Not", since: 1) { x throws(ONNXError) in try x.not() },
  OperatorEntry("IsNaN", since: 9) { call throws(ONNXError) in
    let x = try call.term(0)
    return [Operand(try x.compare(.equal, x).not(), .bool)]
  },
  OperatorEntry("IsInf", since: 10) { call throws(ONNXError) in
    let x = try call.term(0)
    var result = try call.emission.constant(0, x.shape, .bool)
    if call.flag("detect_positive", default: true) {
      result = try result.or(x.equal(.infinity))
    }
    if call.flag("detect_negative", default: true) {
      result = try result.or(x.equal(-.infinity))
    }
    return [Operand(result, .bool)]
  },
  OperatorEntry("Where", since: 9) { call throws(ONNXError) in
    let result = try call.term(0).select(call.term(1), call.term(2))
    return [Operand(result, try call.operand(1).type)]
  },
]

extension OperatorEntry {
  fileprivate static func comparison(
    _ name: String, since: Int = 6,
    _ body: @escaping @Sendable (Term, Term) throws(ONNXError) -> Term
  ) -> OperatorEntry {
    OperatorEntry(name, since: since) { call throws(ONNXError) in
      let (left, right) = try call.broadcastOperands()
      return [Operand(try body(left, right), .bool)]
    }
  }
}

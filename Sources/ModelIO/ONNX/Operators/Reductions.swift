import TensorGraph

/// Reductions over axes. Axes are an attribute, or an input in later operator sets.
let reductionOperators: [OperatorEntry] = [
  .reduction("ReduceSum") { x, axes throws(ONNXError) in try x.sum(axes: axes) },
  .reduction("ReduceMean") { x, axes throws(ONNXError) in
    guard x.dtype.isFloatingPoint else {
      let count = axes.reduce(1) { $0 * x.shape[$1] }
      return try x.sum(axes: axes) / Double(Swift.max(count, 1))
    }
    return try x.mean(axes: axes)
  },
  .reduction("ReduceMax") { x, axes throws(ONNXError) in try x.largest(axes: axes) },
  .reduction("ReduceMin") { x, axes throws(ONNXError) in
    if x.dtype == .bool { return try x.not().largest(axes: axes).not() }
    guard x.dtype.isInteger else { return try x.negated().max(axes: axes).negated() }
    // -1 - x has no overflow.
    return try -1 - (-1 - x).max(axes: axes)
  },
  .reduction("ReduceProd") { x, axes throws(ONNXError) in try x.product(axes: axes) },
  .reduction("ReduceL1") { x, axes throws(ONNXError) in try x.absolute().sum(axes: axes) },
  .reduction("ReduceL2") { x, axes throws(ONNXError) in
    let sum = try x.squared().sum(axes: axes)
    return sum.dtype.isFloatingPoint
      ? try sum.sqrt() : try sum.converted(.f64).sqrt().converted(x.dtype)
  },
  .reduction("ReduceLogSum") { x, axes throws(ONNXError) in try x.sum(axes: axes).log() },
  .reduction("ReduceSumSquare") { x, axes throws(ONNXError) in
    try x.squared().sum(axes: axes)
  },
  .reduction("ReduceLogSumExp") { x, axes throws(ONNXError) in try x.logSumExp(axes: axes) },
  .extremePosition("ArgMax", smallest: false), .extremePosition("ArgMin", smallest: true),
  .uniform("CumSum", since: 11) { call throws(ONNXError) in
    try cumulated(call) { a, b throws(ONNXError) in try a + b }
  },
  .uniform("CumProd", since: 26) { call throws(ONNXError) in
    // Shifted by one, so that zeros that come in stand for 1.
    try cumulated(call, neutral: 1) { a, b throws(ONNXError) in try a * b }
  },
]

extension OperatorEntry {
  fileprivate static func reduction(
    _ name: String, _ body: @escaping @Sendable (Term, [Int]) throws(ONNXError) -> Term
  ) -> OperatorEntry {
    .uniform(name) { call throws(ONNXError) in
      let x = try call.term(0)
      let given = try call.optionalHostIntegers(1, "axes") ?? call.integers("axes") ?? []
      var axes = try call.axes(given, rank: x.rank)
      if given.isEmpty {
        // With no axes an elementwise part remains: ReduceL1 is then |x|.
        axes = call.flag("noop_with_empty_axes") ? [] : Array(0..<x.rank)
        if axes.isEmpty, call.flag("noop_with_empty_axes") {
          return try name == "ReduceLogSumExp" ? x : body(x, [])
        }
      }
      let result = try body(x, axes)
      return call.flag("keepdims", default: true)
        ? try result.reshape(x.shape.keeping(axes: axes)) : result
    }
  }

  fileprivate static func extremePosition(_ name: String, smallest: Bool) -> OperatorEntry {
    OperatorEntry(name) { call throws(ONNXError) in
      var x = try call.term(0)
      let axis = try call.axis(call.integer("axis", default: 0), rank: x.rank)
      if smallest { x = x.dtype.isInteger ? try -1 - x : try x.negated() }
      let takesLast = call.flag("select_last_index")
      if takesLast { x = try x.reversed(axis: axis) }
      var position = try x.argmax(axis: axis).converted(.i64)
      if takesLast { position = try Double(x.shape[axis] - 1) - position }
      if call.flag("keepdims", default: true) {
        position = try position.reshape(x.shape.keeping(axes: [axis]))
      }
      return [Operand(position, .int64)]
    }
  }
}

extension Term {
  /// The maximum; of booleans, whether any is true.
  fileprivate func largest(axes: [Int]) throws(ONNXError) -> Term {
    guard dtype == .bool else { return try max(axes: axes) }
    let count = try converted(.i32).sum(axes: axes)
    return try count.greater(0)
  }

  /// The product over `axes`, by halves: no primitive multiplies a whole axis.
  func product(axes: [Int]) throws(ONNXError) -> Term {
    let kept = (0..<rank).filter { !axes.contains($0) }
    let outer = kept.map { shape[$0] }
    var length = axes.reduce(1) { $0 * shape[$1] }
    if length == 0 { return try emission.constant(1, Shape(checking: outer), dtype) }
    let rows = outer.reduce(1, *)
    var rest = try transpose(kept + axes).reshape([rows, length])
    while length > 1 {
      let half = length / 2
      let product = try rest.slice(axis: 1, 0..<half) * rest.slice(axis: 1, half..<2 * half)
      rest =
        length.isMultiple(of: 2)
        ? product
        : try .concatenate([product, rest.slice(axis: 1, length - 1..<length)], axis: 1)
      length -= half
    }
    return try rest.reshape(outer)
  }

  /// log Σ exp over `axes`; -∞ where there is nothing to sum.
  func logSumExp(axes: [Int]) throws(ONNXError) -> Term {
    let x = try checkedFloating()
    // No derivative path through the shift: see `softmaxShift`. Never -∞, which would give NaN.
    let shift = try x.max(axes: axes, keepsAxes: true).maximum(-1e30).floor()
    let finite = try shift.less(1e30).select(shift, shift.filled(0))
    let total = try (x - finite).exp().sum(axes: axes, keepsAxes: true).log() + finite
    return try total.reshape(shape.removing(axes: axes))
  }

  /// The elements along `axis` in reverse order.
  func reversed(axis: Int) throws(ONNXError) -> Term {
    try checkPositions(shape[axis])
    return try taking(Array((0..<shape[axis]).reversed()), axis: axis)
  }

  /// Shifted by `count` along `axis`, with zeros coming in at the start.
  func shifted(by count: Int, axis: Int) throws(ONNXError) -> Term {
    var low = [Int](repeating: 0, count: rank)
    low[axis] = count
    return try pad(low: low, high: low.map { -$0 })
  }
}

/// Every element combined with those before it along an axis.
private func cumulated(
  _ call: OperatorCall, neutral: Double = 0, _ combine: (Term, Term) throws(ONNXError) -> Term
) throws(ONNXError) -> Term {
  var x = try call.term(0)
  let axes = try call.hostIntegers(1, "axis")
  guard axes.count == 1 else { throw ONNXError(.malformed, "its axis is no single number") }
  let axis = try call.axis(axes[0], rank: x.rank)
  let reverses = call.flag("reverse")
  if reverses { x = try x.reversed(axis: axis) }
  func shifted(_ x: Term, by count: Int) throws(ONNXError) -> Term {
    neutral == 0
      ? try x.shifted(by: count, axis: axis)
      : try (x - neutral).shifted(by: count, axis: axis) + neutral
  }
  if call.flag("exclusive"), x.shape[axis] > 0 { x = try shifted(x, by: 1) }
  // Each pass doubles the number of elements that are combined.
  var step = 1
  while step < x.shape[axis] {
    x = try combine(x, shifted(x, by: step))
    step *= 2
  }
  return reverses ? try x.reversed(axis: axis) : x
}

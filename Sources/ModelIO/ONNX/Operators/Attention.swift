import TensorGraph

/// Attention and rotary position embedding as operators of their own (operator set 23).
let attentionOperators: [OperatorEntry] = [
  OperatorEntry("Attention", since: 23) { call throws(ONNXError) in
    try Attention(call).results()
  },
  .uniform("RotaryEmbedding", since: 23) { call throws(ONNXError) in try rotated(call) },
]

/// softmax(q kᵀ · scale + mask) v over heads (Vaswani et al. 2017, arXiv 1706.03762, section 3.2).
private struct Attention {
  let call: OperatorCall
  let query: Term
  let key: Term
  let value: Term
  let isFlat: Bool
  let pastCount: Int
  let scale: Double

  init(_ call: OperatorCall) throws(ONNXError) {
    self.call = call
    let source = try call.term(0).checkedFloating()
    isFlat = source.rank == 3
    let heads = call.integer("q_num_heads", default: 0)
    let groups = call.integer("kv_num_heads", default: 0)
    query = try Attention.splitting(source, heads)
    var key = try Attention.splitting(call.term(1), groups)
    var value = try Attention.splitting(call.term(2), groups)
    var past = 0
    if let pastKey = try call.optionalTerm(4), let pastValue = try call.optionalTerm(5) {
      guard pastKey.rank == 4 else {
        throw ONNXError(.malformed, "its past key \(pastKey.shape) does not fit")
      }
      past = pastKey.shape[2]
      key = try .concatenate([pastKey, key], axis: 2)
      value = try .concatenate([pastValue, value], axis: 2)
    }
    (self.key, self.value, pastCount) = (key, value, past)
    guard query.rank == 4, key.rank == 4, value.rank == 4, query.shape[3] == key.shape[3],
      query.shape[3] > 0, key.shape[1] > 0, query.shape[1].isMultiple(of: key.shape[1]),
      value.shape[1] == key.shape[1], value.shape[2] == key.shape[2]
    else {
      throw ONNXError(
        .malformed, "\(query.shape), \(key.shape) and \(value.shape) do not fit together")
    }
    scale = call.number("scale", default: 1 / Double(query.shape[3]).squareRoot())
  }

  /// [B, S, H · D] as [B, H, S, D].
  private static func splitting(_ x: Term, _ heads: Int) throws(ONNXError) -> Term {
    guard x.rank == 3 else { return x }
    guard heads >= 1, x.shape[2].isMultiple(of: heads) else {
      throw ONNXError(.malformed, "\(x.shape) does not divide into \(heads) heads")
    }
    return try x.reshape([x.shape[0], x.shape[1], heads, x.shape[2] / heads])
      .transpose([0, 2, 1, 3])
  }

  func results() throws(ONNXError) -> [Operand] {
    let repeats = query.shape[1] / key.shape[1]
    let raw = try query.matmul(repeated(key, repeats), transposeB: true) * scale
    var capped = raw
    let cap = call.number("softcap", default: 0)
    if cap > 0 { capped = try (raw / cap).unary(.tanh) * cap }
    let bias = try self.bias()
    var biased = capped
    var isMasked: Term?
    if let bias {
      let rows = try bias.max(axes: [bias.rank - 1], keepsAxes: true)
      let isEmpty = try rows.equal(-.infinity)
      biased = try capped + isEmpty.select(bias.filled(0), bias)
      isMasked = isEmpty
    }
    var weights = call.emission.adopt(biased.value.softmax(axis: -1))
    // A query that may attend nothing gives zeros.
    if let isMasked { weights = try isMasked.select(weights.filled(0), weights) }
    var output = try weights.matmul(repeated(value, repeats))
    if isFlat {
      output = try output.transpose([0, 2, 1, 3]).reshape([
        output.shape[0], output.shape[2], output.shape[1] * output.shape[3],
      ])
    }
    let type = try call.operand(0).type
    var shown = raw
    switch call.integer("qk_matmul_output_mode", default: 0) {
    case 1: shown = capped
    case 2: if let bias { shown = try capped + bias }
    case 3: shown = weights
    default: break
    }
    return [
      Operand(output, type), Operand(key, try call.operand(1).type),
      Operand(value, try call.operand(2).type), Operand(shown, type),
    ]
  }

  /// Every head `count` times in a row, for queries that share keys.
  private func repeated(_ x: Term, _ count: Int) throws(ONNXError) -> Term {
    guard count > 1 else { return x }
    let (batch, heads, length, width) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    return try x.reshape([batch, heads, 1, length, width])
      .broadcast(to: Shape(checking: [batch, heads, count, length, width]))
      .reshape([batch, heads * count, length, width])
  }

  /// What is added to the scores: 0, -∞ where attention is forbidden, or the caller's numbers.
  private func bias() throws(ONNXError) -> Term? {
    let emission = call.emission
    let (rows, columns) = (query.shape[2], key.shape[2])
    let grid = try Shape(checking: [rows, columns])
    var bias: Term?
    func add(_ term: Term) throws(ONNXError) {
      if let sum = bias { bias = try sum + term } else { bias = term }
    }
    func allow(_ condition: Term) throws(ONNXError) {
      let zero = try emission.constant(0, condition.shape, query.dtype)
      try add(condition.select(zero, zero.filled(-.infinity)))
    }
    if let mask = try call.optionalTerm(3) {
      guard mask.rank >= 1 else { throw ONNXError(.malformed, "its mask is a scalar") }
      let missing = columns - mask.shape[mask.rank - 1]
      var high = [Int](repeating: 0, count: mask.rank)
      high[mask.rank - 1] = max(missing, 0)
      var padded = try mask.pad(low: high.map { _ in 0 }, high: high)
      if mask.dtype == .bool {
        try allow(padded.broadcast(to: Shape.broadcast([padded.shape, grid])))
      } else {
        if missing > 0 {
          let inside = try emission.constant(1, mask.shape, .bool)
            .pad(low: high.map { _ in 0 }, high: high)
          padded = try inside.select(padded, padded.filled(-.infinity))
        }
        try add(padded.broadcast(to: Shape.broadcast([padded.shape, grid])))
      }
    }
    let column = try emission.iota(grid, axis: 1, .i64)
    let row = try emission.iota(grid, axis: 0, .i64)
    var position = try row + Double(pastCount)
    if let lengths = try call.optionalTerm(6)?.converted(.i64) {
      let valid = try lengths.reshape([lengths.shape.elementCount, 1, 1, 1])
      if call.optionalOperand(4) == nil { position = try row + (valid - Double(rows)) }
      try allow(column.less(valid))
    }
    if call.flag("is_causal") { try allow(column.compare(.lessOrEqual, position)) }
    let (left, right) = (
      call.integer("left_window_size", default: -1), call.integer("right_window_size", default: -1)
    )
    let distance = try position - column
    if left >= 0 { try allow(distance.less(Double(min(left, 1 << 40)) + 1)) }
    if right >= 0 { try allow(distance.greater(-Double(min(right, 1 << 40)) - 1)) }
    return bias
  }
}

/// Rotates pairs of features by angles that grow with the position (Su et al. 2021, arXiv
/// 2104.09864, section 3.2).
private func rotated(_ call: OperatorCall) throws(ONNXError) -> Term {
  let source = try call.term(0).checkedFloating()
  var x = source
  if source.rank == 3 {
    let heads = call.integer("num_heads", default: 0)
    guard heads >= 1, x.shape[2].isMultiple(of: heads) else {
      throw ONNXError(.malformed, "\(x.shape) does not divide into \(heads) heads")
    }
    x = try x.reshape([x.shape[0], x.shape[1], heads, x.shape[2] / heads])
  } else {
    guard x.rank == 4 else { throw ONNXError(.malformed, "\(x.shape) has no heads") }
    x = try x.transpose([0, 2, 1, 3])
  }
  let width = call.integer("rotary_embedding_dim", default: 0)
  let count = width == 0 ? x.shape[3] : width
  guard (0...x.shape[3]).contains(count), count.isMultiple(of: 2) else {
    throw ONNXError(.malformed, "it rotates \(count) of \(x.shape[3]) features")
  }
  let half = count / 2
  func angles(_ index: Int) throws(ONNXError) -> Term {
    var cache = try call.term(index)
    if let positions = try call.optionalTerm(3) {
      guard cache.rank == 2, positions.rank == 2 else {
        throw ONNXError(.malformed, "positions \(positions.shape) do not fit \(cache.shape)")
      }
      cache = try cache.gatherRows(positions.reshape([positions.shape.elementCount]), axis: 0)
        .reshape(positions.shape.dimensions + [cache.shape[1]])
    }
    guard cache.rank == 3, cache.shape[2] == half else {
      throw ONNXError(.malformed, "the cache \(cache.shape) does not fit \(count) features")
    }
    return try cache.reshape([cache.shape[0], cache.shape[1], 1, half])
  }
  let (cosine, sine) = (try angles(1), try angles(2))
  let rotating = try x.slice(axis: 3, 0..<count)
  let interleaves = call.flag("interleaved")
  let pairs =
    interleaves
    ? try rotating.reshape(rotating.shape.dimensions.dropLast() + [half, 2])
    : try rotating.reshape(rotating.shape.dimensions.dropLast() + [2, half])
  let axis = interleaves ? 4 : 3
  let first = try pairs.slice(axis: axis, 0..<1).droppingAxis(axis)
  let second = try pairs.slice(axis: axis, 1..<2).droppingAxis(axis)
  let unit =
    interleaves
    ? first.shape.dimensions + [1] : Array(first.shape.dimensions.dropLast()) + [1, half]
  let real = try (cosine * first - sine * second).reshape(unit)
  let imaginary = try (sine * first + cosine * second).reshape(unit)
  let turned = try Term.concatenate([real, imaginary], axis: axis).reshape(rotating.shape)
  let rest = try x.slice(axis: 3, count..<x.shape[3])
  let result = try Term.concatenate([turned, rest], axis: 3)
  return source.rank == 3 ? try result.reshape(source.shape) : try result.transpose([0, 2, 1, 3])
}

import TensorGraph

/// Gathering and scattering. Indices may be negative, counting from the end.
let indexingOperators: [OperatorEntry] = [
  .uniform("Gather") { call throws(ONNXError) in try gather(call) },
  .uniform("GatherElements", since: 11) { call throws(ONNXError) in
    let (x, indices) = (try call.term(0), try call.term(1))
    let axis = try call.axis(call.integer("axis", default: 0), rank: x.rank)
    return try x.gatherElements(indices.wrapped(x.shape[axis]), axis: axis)
  },
  .uniform("GatherND", since: 11) { call throws(ONNXError) in try gatherTuples(call) },
  .uniform("Scatter", since: 9) { call throws(ONNXError) in try scatterElements(call) },
  .uniform("ScatterElements", since: 11) { call throws(ONNXError) in try scatterElements(call) },
  .uniform("ScatterND", since: 11) { call throws(ONNXError) in try scatterTuples(call) },
  .uniform("TensorScatter", since: 24) { call throws(ONNXError) in try tensorScatter(call) },
  OperatorEntry("OneHot", since: 9) { call throws(ONNXError) in try oneHot(call) },
  OperatorEntry("TopK", since: 10) { call throws(ONNXError) in try largest(call) },
  .uniform("Compress", since: 9, restrictions: "constant conditions only") {
    call throws(ONNXError) in
    let x = try call.term(0)
    let condition = try call.host(1, "condition").doubles
    let flat = call.has("axis") ? x : try x.reshape([x.shape.elementCount])
    let axis = try call.axis(call.integer("axis", default: 0), rank: flat.rank)
    return try flat.taking(
      condition.indices.filter { condition[$0] != 0 && $0 < flat.shape[axis] }, axis: axis)
  },
  OperatorEntry("NonZero", since: 9, restrictions: "constants only") { call throws(ONNXError) in
    let tensor = try call.host(0, "result's shape")
    let values = tensor.doubles
    let places = values.indices.filter { values[$0] != 0 }
    let strides = tensor.shape.strides
    let rows = strides.indices.flatMap { axis in
      places.map { Int64($0 / strides[axis] % tensor.shape[axis]) }
    }
    return [Operand(HostTensor([strides.count, places.count], .int64, .integers(rows)))]
  },
]

extension Term {
  /// Indices along an axis of `extent`, none negative.
  func wrapped(_ extent: Int) throws(ONNXError) -> Term {
    try less(0).select(self + Double(extent), self)
  }

  /// Result element (i, j, ...) is this at (i, ..., indices(i, j, ...), ...): as many axes as this.
  func gatherElements(_ indices: Term, axis: Int) throws(ONNXError) -> Term {
    guard indices.rank == rank,
      (0..<rank).allSatisfy({ $0 == axis || indices.shape[$0] <= shape[$0] })
    else {
      throw ONNXError(.malformed, "indices \(indices.shape) do not fit \(shape)")
    }
    let linear = try linearIndex(indices, axis: axis)
    let count = indices.shape.elementCount
    let isBool = dtype == .bool
    let operand = isBool ? try converted(.i32) : self
    let result = try operand.reshape([1, shape.elementCount, 1])
      .gather(linear.reshape([1, count])).reshape(indices.shape)
    return isBool ? try result.converted(.bool) : result
  }

  /// Row-major positions in this value of the elements that `indices` along `axis` name.
  fileprivate func linearIndex(_ indices: Term, axis: Int) throws(ONNXError) -> Term {
    let strides = shape.strides
    var linear = try indices.converted(.i64) * Double(strides[axis])
    for other in 0..<rank where other != axis && indices.shape[other] > 1 {
      let index = try emission.iota(indices.shape, axis: other, .i64)
      linear = try linear + index * Double(strides[other])
    }
    return linear
  }
}

private func gather(_ call: OperatorCall) throws(ONNXError) -> Term {
  let x = try call.term(0)
  let axis = try call.axis(call.integer("axis", default: 0), rank: x.rank)
  let extent = x.shape[axis]
  let dimensions = x.shape.dimensions
  let operand = try call.operand(1)
  let before = dimensions[..<axis]
  let after = dimensions[(axis + 1)...]
  if let host = operand.host, let integers = host.integers {
    let positions = integers.map { $0 < 0 ? $0 &+ extent : $0 }
    guard positions.allSatisfy((0..<extent).contains) else {
      throw ONNXError(.malformed, "an index is outside the \(extent) entries of axis \(axis)")
    }
    let result: Term
    if let first = positions.first, positions.count <= 1 || isRun(positions) {
      result = try x.slice(axis: axis, first..<first + positions.count)
    } else {
      result = try x.taking(positions, axis: axis)
    }
    return try result.reshape(before + host.shape.dimensions + after)
  }
  let indices = try call.emission.term(operand)
  let flat = try indices.wrapped(extent).reshape([indices.shape.elementCount])
  return try x.gatherRows(flat, axis: axis).reshape(before + indices.shape.dimensions + after)
}

private func isRun(_ positions: [Int]) -> Bool {
  zip(positions, positions.dropFirst()).allSatisfy { $1 == $0 + 1 }
}

/// Positions of index tuples [..., k] over the first k axes of `shape`.
private func tuplePositions(_ indices: Term, _ shape: ArraySlice<Int>) throws(ONNXError) -> Term {
  let tuple = indices.shape[indices.rank - 1]
  let extents = Array(shape.prefix(tuple))
  let strides = Shape(extents).strides
  let indices = try indices.converted(.i64)
  var linear = try indices.emission.constant(
    0, Shape(Array(indices.shape.dimensions.dropLast())), .i64)
  for position in 0..<tuple {
    let part = try indices.slice(axis: indices.rank - 1, position..<position + 1)
      .droppingAxis(indices.rank - 1)
    linear = try linear + part.wrapped(extents[position]) * Double(strides[position])
  }
  return linear
}

private func gatherTuples(_ call: OperatorCall) throws(ONNXError) -> Term {
  let (x, indices) = (try call.term(0), try call.term(1))
  let batch = call.integer("batch_dims", default: 0)
  guard indices.rank >= 1, (0..<indices.rank).contains(batch), batch <= x.rank,
    indices.shape[indices.rank - 1] <= x.rank - batch,
    x.shape.dimensions[..<batch] == indices.shape.dimensions[..<batch]
  else { throw ONNXError(.malformed, "indices \(indices.shape) do not fit \(x.shape)") }
  let tuple = indices.shape[indices.rank - 1]
  let outer = x.shape.dimensions[..<batch].reduce(1, *)
  let rows = x.shape.dimensions[batch..<batch + tuple].reduce(1, *)
  let inner = x.shape.dimensions[(batch + tuple)...]
  let count = indices.shape.dimensions[batch..<indices.rank - 1].reduce(1, *)
  let positions = try tuplePositions(indices, x.shape.dimensions[batch...])
    .reshape([outer, count])
  let isBool = x.dtype == .bool
  let operand = isBool ? try x.converted(.i32) : x
  let result = try operand.reshape([outer, rows, inner.reduce(1, *)]).gather(positions)
    .reshape(indices.shape.dimensions.dropLast() + inner)
  return isBool ? try result.converted(.bool) : result
}

private func scatterElements(_ call: OperatorCall) throws(ONNXError) -> Term {
  let (x, indices, updates) = (try call.term(0), try call.term(1), try call.term(2))
  guard x.rank >= 1, indices.shape == updates.shape, indices.rank == x.rank else {
    throw ONNXError(.malformed, "indices \(indices.shape) do not fit \(x.shape)")
  }
  let axis = try call.axis(call.integer("axis", default: 0), rank: x.rank)
  let count = indices.shape.elementCount
  let positions = try x.linearIndex(indices.wrapped(x.shape[axis]), axis: axis)
  return try Scattering(call.string("reduction", default: "none")).scattered(
    updates.reshape([count, 1]), at: positions.reshape([count]),
    into: x.reshape([x.shape.elementCount, 1])
  ).reshape(x.shape)
}

private func scatterTuples(_ call: OperatorCall) throws(ONNXError) -> Term {
  let (x, indices, updates) = (try call.term(0), try call.term(1), try call.term(2))
  guard indices.rank >= 1, indices.shape[indices.rank - 1] <= x.rank else {
    throw ONNXError(.malformed, "indices \(indices.shape) do not fit \(x.shape)")
  }
  let tuple = indices.shape[indices.rank - 1]
  let rows = x.shape.dimensions[..<tuple].reduce(1, *)
  let inner = x.shape.dimensions[tuple...].reduce(1, *)
  let count = indices.shape.dimensions.dropLast().reduce(1, *)
  let positions = try tuplePositions(indices, x.shape.dimensions[...])
  return try Scattering(call.string("reduction", default: "none")).scattered(
    updates.reshape([count, inner]), at: positions.reshape([count]), into: x.reshape([rows, inner])
  ).reshape(x.shape)
}

/// What happens to an element that updates go to.
private struct Scattering {
  let reduction: String

  init(_ reduction: String) throws(ONNXError) {
    guard ["none", "add", "mul", "max", "min"].contains(reduction) else {
      throw ONNXError(.malformed, "its reduction \(reduction.quotedForMessage) is unknown")
    }
    self.reduction = reduction
  }

  /// Updates [U, D] at rows [U] of `target` [R, D].
  func scattered(
    _ updates: Term, at rows: Term, into target: Term
  ) throws(ONNXError) -> Term {
    if target.dtype == .bool {
      return try scattered(updates.converted(.i32), at: rows, into: target.converted(.i32))
        .converted(.bool)
    }
    let (count, inner) = (updates.shape[0], updates.shape[1])
    let size = target.shape[0]
    func sums(_ values: Term) throws(ONNXError) -> Term {
      let width = values.shape[1]
      return try values.reshape([1, count, width]).scatterAdd(rows.reshape([1, count]), size: size)
        .reshape([size, width])
    }
    switch reduction {
    case "add": return try target + sums(updates)
    case "none":
      // Distinct rows, as the standard asks.
      let hits = try sums(target.emission.constant(1, [count, 1], target.dtype))
      let isHit = try hits.greater(0)
      return try isHit.broadcast(to: target.shape).select(sums(updates), target)
    default:
      // Every update against every row: rows may repeat, and no primitive scatters so.
      guard Double(count) * Double(size) * Double(inner) <= 0x1p24 else {
        throw ONNXError(
          .unsupported, "its reduction \(reduction) of \(count) updates into \(size) rows is large")
      }
      let wide = try Shape(checking: [count, size, inner])
      let row = try target.emission.iota(wide, axis: 1, .i64)
      let isHit = try row.equal(rows.converted(.i64).reshape([count, 1, 1]))
      let values = try updates.reshape([count, 1, inner]).broadcast(to: wide)
      // The target itself is neutral where an update does not go.
      let own = try target.reshape([1, size, inner])
      switch reduction {
      case "mul": return try target * isHit.select(values, values.filled(1)).product(axes: [0])
      case "max": return try isHit.select(values, own).max(axes: [0]).maximum(target)
      default:
        let smallest = try -1 - (-1 - isHit.select(values, own)).max(axes: [0])
        return try smallest.minimum(target)
      }
    }
  }
}

/// Writes `update` into a cache along an axis, from one position per sample on.
private func tensorScatter(_ call: OperatorCall) throws(ONNXError) -> Term {
  let (cache, update) = (try call.term(0), try call.term(1))
  let axis = try call.axis(call.integer("axis", default: -2), rank: cache.rank)
  guard update.rank == cache.rank, axis > 0,
    update.shape.removing(axes: [axis]) == cache.shape.removing(axes: [axis])
  else { throw ONNXError(.malformed, "an update \(update.shape) does not fit \(cache.shape)") }
  let batch = cache.shape[0]
  var column = [Int](repeating: 1, count: cache.rank)
  column[0] = batch
  var start = try call.emission.constant(0, [batch], .i64)
  if let given = try call.optionalTerm(2) { start = try given.converted(.i64) }
  let offset = try call.emission.iota(update.shape, axis: axis, .i64) + start.reshape(column)
  let extent = Double(cache.shape[axis])
  let index =
    call.string("mode", default: "linear") == "circular"
    ? try modulo(offset, offset.filled(extent), truncates: false) : offset
  let count = update.shape.elementCount
  let positions = try cache.linearIndex(index, axis: axis)
  return try Scattering("none").scattered(
    update.reshape([count, 1]), at: positions.reshape([count]),
    into: cache.reshape([cache.shape.elementCount, 1])
  ).reshape(cache.shape)
}

private func oneHot(_ call: OperatorCall) throws(ONNXError) -> [Operand] {
  let indices = try call.term(0).converted(.i64)
  guard let count = try call.host(1, "depth").doubles.first, (0...1e9).contains(count) else {
    throw ONNXError(.malformed, "its depth is no count")
  }
  let depth = Int(count)
  let values = try call.term(2)
  guard values.shape == [2] else {
    throw ONNXError(.malformed, "its values \(values.shape) are not [2]")
  }
  let axis = try call.axis(call.integer("axis", default: -1), rank: indices.rank + 1)
  var dimensions = indices.shape.dimensions
  dimensions.insert(1, at: axis)
  let column = try indices.wrapped(depth).reshape(dimensions)
  dimensions[axis] = depth
  let classes = try call.emission.iota(Shape(checking: dimensions), axis: axis, .i64)
  let off = try values.slice(axis: 0, 0..<1).reshape([Int]())
  let on = try values.slice(axis: 0, 1..<2).reshape([Int]())
  return [Operand(try classes.equal(column).select(on, off), try call.operand(2).type)]
}

/// The k largest (or smallest) elements along an axis: an element's place is the number of those
/// that come before it.
private func largest(_ call: OperatorCall) throws(ONNXError) -> [Operand] {
  let x = try call.term(0)
  let axis = try call.axis(call.integer("axis", default: -1), rank: x.rank)
  guard let count = try call.hostIntegers(1, "k").first, (0...x.shape[axis]).contains(count) else {
    throw ONNXError(.malformed, "its k is outside axis \(axis) of \(x.shape)")
  }
  let moved = try x.movingToLast(axis)
  let extent = x.shape[axis]
  let outer = Array(moved.shape.dimensions.dropLast())
  let all = try Shape(checking: outer + [extent, extent])
  let own = try moved.reshape(outer + [extent, 1]).broadcast(to: all)
  let other = try moved.reshape(outer + [1, extent]).broadcast(to: all)
  let rank = all.rank
  let isEarlier = try call.emission.iota(all, axis: rank - 1, .i32)
    .less(call.emission.iota(all, axis: rank - 2, .i32))
  let isBetter =
    call.flag("largest", default: true) ? try other.greater(own) : try other.less(own)
  let comesBefore = try isBetter.or(other.equal(own).and(isEarlier))
  let place = try comesBefore.converted(.i64).sum(axes: [rank - 1])
  // Index of the element at place p: the only one that stands there.
  let grid = try Shape(checking: outer + [count, extent])
  let isThere = try place.reshape(outer + [1, extent]).broadcast(to: grid)
    .equal(call.emission.iota(grid, axis: rank - 2, .i64))
  let index = try call.emission.iota(grid, axis: rank - 1, .i64)
  let indices = try isThere.select(index, index.filled(0)).sum(axes: [rank - 1])
    .movingLast(to: axis)
  return [
    Operand(try x.gatherElements(indices, axis: axis), try call.operand(0).type),
    Operand(indices, .int64),
  ]
}

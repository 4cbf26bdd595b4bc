import TensorGraph

/// Changes of shape and order.
let structuralOperators: [OperatorEntry] = [
  OperatorEntry("Identity") { call throws(ONNXError) in [try call.operand(0)] },
  .uniform("Reshape") { call throws(ONNXError) in try reshape(call) },
  .uniform("Flatten") { call throws(ONNXError) in
    let x = try call.term(0)
    let axis = call.integer("axis", default: 1)
    guard (-x.rank...x.rank).contains(axis) else {
      throw ONNXError(.malformed, "its axis \(axis) is outside \(x.shape)")
    }
    let start = axis < 0 ? axis + x.rank : axis
    return try x.reshape([
      x.shape.dimensions[..<start].reduce(1, *), x.shape.dimensions[start...].reduce(1, *),
    ])
  },
  .uniform("Squeeze") { call throws(ONNXError) in
    let x = try call.term(0)
    let given = try call.optionalHostIntegers(1, "axes") ?? call.integers("axes")
    let axes = try call.axes(
      given ?? (0..<x.rank).filter { x.shape[$0] == 1 }, rank: x.rank)
    guard axes.allSatisfy({ x.shape[$0] == 1 }) else {
      throw ONNXError(.malformed, "its axes \(axes) of \(x.shape) are not all of extent 1")
    }
    return try x.reshape(x.shape.removing(axes: axes))
  },
  .uniform("Unsqueeze") { call throws(ONNXError) in
    let x = try call.term(0)
    let given = try call.optionalHostIntegers(1, "axes") ?? call.integers("axes") ?? []
    guard given.count <= 64 else { throw ONNXError(.malformed, "it has \(given.count) axes") }
    let axes = try call.axes(given, rank: x.rank + given.count)
    var dimensions = x.shape.dimensions
    for axis in axes { dimensions.insert(1, at: axis) }
    return try x.reshape(dimensions)
  },
  .uniform("Transpose") { call throws(ONNXError) in
    let x = try call.term(0)
    return try x.transpose(call.integers("perm") ?? Array((0..<x.rank).reversed()))
  },
  .uniform("Concat") { call throws(ONNXError) in try concatenate(call) },
  OperatorEntry("Split") { call throws(ONNXError) in try split(call) },
  .uniform("Slice") { call throws(ONNXError) in try slice(call) },
  .uniform("Pad") { call throws(ONNXError) in try pad(call) },
  .uniform("Expand", since: 8) { call throws(ONNXError) in try expand(call) },
  .uniform("Tile") { call throws(ONNXError) in
    let x = try call.term(0)
    let repeats = try call.hostIntegers(1, "repeats")
    guard repeats.count == x.rank, repeats.allSatisfy({ $0 >= 0 }) else {
      throw ONNXError(.malformed, "its repeats \(repeats) do not fit \(x.shape)")
    }
    // [a, b] repeats as [1, a, 1, b] broadcast to [r, a, s, b].
    var split: [Int] = []
    var wide: [Int] = []
    var tiled: [Int] = []
    for (extent, count) in zip(x.shape.dimensions, repeats) {
      split += [1, extent]
      wide += [count, extent]
      let (product, overflow) = extent.multipliedReportingOverflow(by: count)
      guard !overflow else { throw ONNXError(.malformed, "its repeats \(repeats) are too large") }
      tiled.append(product)
    }
    return try x.reshape(split).broadcast(to: Shape(checking: wide)).reshape(tiled)
  },
  .uniform("DepthToSpace") { call throws(ONNXError) in
    let (x, block) = try blocks(call)
    let shape = x.shape
    let depth = shape[1] / (block * block)
    guard depth * block * block == shape[1] else {
      throw ONNXError(.malformed, "\(shape) does not divide into blocks of \(block)")
    }
    let byColumn = call.string("mode", default: "DCR") == "CRD"
    let split =
      byColumn
      ? try x.reshape([shape[0], depth, block, block, shape[2], shape[3]])
        .transpose([0, 1, 4, 2, 5, 3])
      : try x.reshape([shape[0], block, block, depth, shape[2], shape[3]])
        .transpose([0, 3, 4, 1, 5, 2])
    return try split.reshape([shape[0], depth, shape[2] * block, shape[3] * block])
  },
  .uniform("SpaceToDepth") { call throws(ONNXError) in
    let (x, block) = try blocks(call)
    let shape = x.shape
    let (height, width) = (shape[2] / block, shape[3] / block)
    guard height * block == shape[2], width * block == shape[3] else {
      throw ONNXError(.malformed, "\(shape) does not divide into blocks of \(block)")
    }
    let byColumn = call.string("mode", default: "DCR") == "CRD"
    return try x.reshape([shape[0], shape[1], height, block, width, block])
      .transpose(byColumn ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4])
      .reshape([shape[0], shape[1] * block * block, height, width])
  },
  .uniform("ReverseSequence", since: 10) { call throws(ONNXError) in try reverseSequence(call) },
]

/// 0 keeps an extent, -1 takes what is left.
private func reshape(_ call: OperatorCall) throws(ONNXError) -> Term {
  let x = try call.term(0)
  var target = try call.optionalHostIntegers(1, "shape") ?? call.integers("shape") ?? []
  if !call.flag("allowzero") {
    for index in target.indices where target[index] == 0 {
      guard index < x.rank else {
        throw ONNXError(.malformed, "its shape \(target) keeps an axis that \(x.shape) has not")
      }
      target[index] = x.shape[index]
    }
  }
  guard target.count(where: { $0 == -1 }) <= 1, target.allSatisfy({ $0 >= -1 }) else {
    throw ONNXError(.malformed, "its shape \(target) cannot be inferred")
  }
  let known = try Shape(checking: target.filter { $0 >= 0 }).elementCount
  let count = x.shape.elementCount
  if let open = target.firstIndex(of: -1) {
    if known > 0, count.isMultiple(of: known) { target[open] = count / known }
    if known == 0 { target[open] = 0 }
  } else if known != count, let change = call.batchOverride, let first = target.first,
    first.isMultiple(of: change.declared),
    Double(known / change.declared) * Double(change.actual) == Double(count)
  {
    // The exporter has frozen its batch size into the shape.
    target[0] = first / change.declared * change.actual
  }
  guard target.allSatisfy({ $0 >= 0 }), try Shape(checking: target).elementCount == count else {
    throw ONNXError(
      .malformed, "its shape \(target) does not hold the elements of \(x.shape)")
  }
  return try x.reshape(target)
}

private func concatenate(_ call: OperatorCall) throws(ONNXError) -> Term {
  var terms = try call.terms()
  guard let first = terms.first else { throw ONNXError(.malformed, "it has no inputs") }
  let axis = try call.axis(call.integer("axis", default: 1), rank: first.rank)
  // A class token that the exporter expanded to its own batch size.
  if let change = call.batchOverride, axis != 0,
    terms.contains(where: { $0.rank > 0 && $0.shape[0] == change.actual })
  {
    for index in terms.indices
    where terms[index].rank > 0 && terms[index].shape[0] == 1 && change.declared == 1 {
      let dimensions = [change.actual] + terms[index].shape.dimensions.dropFirst()
      terms[index] = try terms[index].broadcast(to: Shape(checking: dimensions))
    }
  }
  return try Term.concatenate(terms, axis: axis)
}

private func split(_ call: OperatorCall) throws(ONNXError) -> [Operand] {
  let x = try call.term(0)
  let axis = try call.axis(call.integer("axis", default: 0), rank: x.rank)
  let extent = x.shape[axis]
  var sizes = try call.optionalHostIntegers(1, "split") ?? call.integers("split")
  if sizes == nil {
    let count = call.integer("num_outputs") ?? call.node.output.count
    guard (1...1 << 16).contains(count) else {
      throw ONNXError(.malformed, "it has \(count) outputs")
    }
    // The last part is the smallest.
    let size = (extent + count - 1) / count
    sizes = (0..<count).map { max(min(size, extent - $0 * size), 0) }
  }
  guard let sizes, sizes.allSatisfy({ (0...extent).contains($0) }), sizes.reduce(0, +) == extent
  else {
    throw ONNXError(.malformed, "its parts do not make up the \(extent) of axis \(axis)")
  }
  let type = try call.operand(0).type
  var start = 0
  var results: [Operand] = []
  for size in sizes {
    results.append(Operand(try x.slice(axis: axis, start..<start + size), type))
    start += size
  }
  return results
}

private func slice(_ call: OperatorCall) throws(ONNXError) -> Term {
  var x = try call.term(0)
  let isInput = call.opset >= 10
  let starts =
    isInput ? try call.hostIntegers(1, "starts") : call.integers("starts") ?? []
  let ends = isInput ? try call.hostIntegers(2, "ends") : call.integers("ends") ?? []
  let axes =
    isInput ? try call.optionalHostIntegers(3, "axes") : call.integers("axes")
  let steps = try isInput ? call.optionalHostIntegers(4, "steps") : nil
  guard starts.count == ends.count, axes?.count ?? starts.count == starts.count,
    steps?.count ?? starts.count == starts.count
  else { throw ONNXError(.malformed, "its starts \(starts) and ends \(ends) do not fit") }
  var seen: Set<Int> = []
  for index in starts.indices {
    let axis = try call.axis(axes?[index] ?? index, rank: x.rank)
    guard seen.insert(axis).inserted else { throw ONNXError(.malformed, "its axes repeat") }
    let step = steps?[index] ?? 1
    guard step != 0, step != .min else { throw ONNXError(.malformed, "its step is \(step)") }
    x = try sliced(x, axis: axis, from: starts[index], to: ends[index], by: step)
  }
  return x
}

/// NumPy's slice x[from:to:by].
private func sliced(
  _ x: Term, axis: Int, from: Int, to: Int, by step: Int
) throws(ONNXError) -> Term {
  let extent = x.shape[axis]
  func place(_ index: Int, _ bounds: ClosedRange<Int>) -> Int {
    let absolute = index < 0 ? (index < -extent ? -1 : index + extent) : index
    return min(max(absolute, bounds.lowerBound), bounds.upperBound)
  }
  if step > 0 {
    let start = place(from, 0...extent)
    let end = max(place(to, 0...extent), start)
    var starts = [Int](repeating: 0, count: x.rank)
    var limits = x.shape.dimensions
    var strides = [Int](repeating: 1, count: x.rank)
    (starts[axis], limits[axis], strides[axis]) = (start, end, min(step, max(extent, 1)))
    return try x.slice(starts: starts, limits: limits, strides: strides)
  }
  guard extent > 0 else { return x }
  try x.checkPositions(extent)
  let start = place(from, -1...extent - 1)
  let end = place(to, -1...extent - 1)
  let positions = start > end ? Array(stride(from: start, to: end, by: max(step, -extent))) : []
  return positions.isEmpty
    ? try x.slice(axis: axis, 0..<0) : try x.taking(positions, axis: axis)
}

private func pad(_ call: OperatorCall) throws(ONNXError) -> Term {
  let x = try call.term(0)
  let pads =
    call.opset >= 11 ? try call.hostIntegers(1, "pads") : call.integers("pads") ?? []
  let axes = try call.optionalHostIntegers(3, "axes") ?? Array(0..<x.rank)
  guard pads.count == 2 * axes.count, pads.allSatisfy({ abs(max($0, -(1 << 40))) < 1 << 40 }) else {
    throw ONNXError(.malformed, "its pads \(pads) do not fit \(x.shape)")
  }
  var (low, high) = ([Int](repeating: 0, count: x.rank), [Int](repeating: 0, count: x.rank))
  for (index, axis) in axes.enumerated() {
    let axis = try call.axis(axis, rank: x.rank)
    low[axis] = pads[index]
    high[axis] = pads[index + axes.count]
  }
  let mode = call.string("mode", default: "constant")
  guard mode != "constant" else {
    let value = call.opset >= 11 ? try call.optionalTerm(2) : nil
    let number = call.number("value", default: 0)
    let isZero = try value == nil ? number == 0 : call.operand(2).host?.uniformValue == 0
    let padded = try x.pad(low: low, high: high)
    if isZero { return padded }
    let inside = try call.emission.constant(1, x.shape, .bool).pad(low: low, high: high)
    var filling = try call.emission.constant(number, x.dtype)
    if let value { filling = try value.reshape([Int]()) }
    return try inside.select(padded, filling)
  }
  var result = x
  for axis in 0..<x.rank where low[axis] != 0 || high[axis] != 0 {
    let extent = x.shape[axis]
    guard extent > 0 else {
      throw ONNXError(.malformed, "it repeats elements of \(x.shape), which has none")
    }
    try x.checkPositions(extent + max(low[axis], 0) + max(high[axis], 0))
    let places = -low[axis]..<max(extent + high[axis], -low[axis])
    let positions = try places.map { (place) throws(ONNXError) in
      try source(of: place, extent: extent, mode: mode)
    }
    result = try result.taking(positions, axis: axis)
  }
  return result
}

/// The element that padding repeats at `place`.
private func source(of place: Int, extent: Int, mode: String) throws(ONNXError) -> Int {
  switch mode {
  case "edge": return min(max(place, 0), extent - 1)
  case "wrap": return ((place % extent) + extent) % extent
  case "reflect":
    let period = max(2 * (extent - 1), 1)
    let phase = ((place % period) + period) % period
    return phase < extent ? phase : period - phase
  default: throw ONNXError(.malformed, "its mode \(mode.quotedForMessage) is unknown")
  }
}

private func expand(_ call: OperatorCall) throws(ONNXError) -> Term {
  let x = try call.term(0)
  let target = try Shape(checking: call.hostIntegers(1, "shape"))
  return try x.broadcast(to: Shape.broadcast([x.shape, target]))
}

private func blocks(_ call: OperatorCall) throws(ONNXError) -> (Term, Int) {
  let x = try call.term(0)
  let block = call.integer("blocksize", default: 0)
  guard x.rank == 4, (1...1 << 16).contains(block) else {
    throw ONNXError(.malformed, "\(x.shape) does not divide into blocks of \(block)")
  }
  return (x, block)
}

/// The first elements of every sequence in reverse order, as many as its length.
private func reverseSequence(_ call: OperatorCall) throws(ONNXError) -> Term {
  let x = try call.term(0)
  let time = try call.axis(call.integer("time_axis", default: 0), rank: x.rank)
  let batch = try call.axis(call.integer("batch_axis", default: 1), rank: x.rank)
  let lengths = try call.term(1).converted(.i64)
  guard time != batch, lengths.shape == [x.shape[batch]] else {
    throw ONNXError(.malformed, "its lengths \(lengths.shape) do not fit \(x.shape)")
  }
  var dimensions = [Int](repeating: 1, count: x.rank)
  dimensions[batch] = x.shape[batch]
  let length = try lengths.reshape(dimensions)
  let position = try call.emission.iota(x.shape, axis: time, .i64)
  let index = try position.less(length).select(length - 1 - position, position)
  return try x.gatherElements(index, axis: time)
}

import Foundation
import TensorGraph

/// Pooling over windows and over whole planes.
let poolingOperators: [OperatorEntry] = [
  OperatorEntry("MaxPool", restrictions: "indices over one or two axes only") {
    call throws(ONNXError) in try maxPool(call)
  },
  .uniform("AveragePool") { call throws(ONNXError) in try averagePool(call) },
  .uniform("LpPool") { call throws(ONNXError) in
    let order = Double(call.integer("p", default: 2))
    let (x, window, counts) = try pooled(call)
    let sums = try x.lifted(to: order).windowSums(window, counts)
    return try sums.lifted(to: 1 / order)
  },
  .uniform("GlobalMaxPool") { call throws(ONNXError) in
    try overPlanes(call) { x, axes throws(ONNXError) in try x.max(axes: axes, keepsAxes: true) }
  },
  .uniform("GlobalAveragePool") { call throws(ONNXError) in
    try overPlanes(call) { x, axes throws(ONNXError) in try x.mean(axes: axes, keepsAxes: true) }
  },
  .uniform("GlobalLpPool") { call throws(ONNXError) in
    let order = Double(call.integer("p", default: 2))
    return try overPlanes(call) { x, axes throws(ONNXError) in
      try x.lifted(to: order).sum(axes: axes, keepsAxes: true).lifted(to: 1 / order)
    }
  },
  .uniform("MaxUnpool", since: 9) { call throws(ONNXError) in try maxUnpool(call) },
]

extension Term {
  /// |x| to a power, by products and roots where there are any.
  fileprivate func lifted(to exponent: Double) throws(ONNXError) -> Term {
    switch exponent {
    case 1: return try absolute()
    case 2: return try squared()
    case 0.5: return try sqrt()
    default: return try absolute().binary(.power, filled(exponent))
    }
  }
}

private func overPlanes(
  _ call: OperatorCall, _ body: (Term, [Int]) throws(ONNXError) -> Term
) throws(ONNXError) -> Term {
  let x = try call.term(0).checkedFloating()
  guard x.rank >= 2 else { throw ONNXError(.malformed, "\(x.shape) has no planes") }
  return try body(x, Array(2..<x.rank))
}

/// The input, its windows, and their number along each axis.
private func pooled(
  _ call: OperatorCall
) throws(ONNXError) -> (Term, WindowAttributes, counts: [Int]) {
  let x = try call.term(0)
  guard (3...8).contains(x.rank), let kernel = call.integers("kernel_shape") else {
    throw ONNXError(.malformed, "\(x.shape) has no planes, or the kernel_shape is missing")
  }
  let window = try WindowAttributes(
    call, input: Array(x.shape.dimensions[2...]), kernel: kernel)
  return (x, window, try window.positions(ceils: call.flag("ceil_mode")))
}

private func maxPool(_ call: OperatorCall) throws(ONNXError) -> [Operand] {
  let (source, window, counts) = try pooled(call)
  let type = try call.operand(0).type
  var x = source.dtype.isFloatingPoint ? source : try source.converted(call.emission.floating)
  let high = window.exactHigh(counts)
  let wantsIndices = call.node.output.count > 1 && !call.node.output[1].isEmpty
  if counts.count <= 2 {
    let line = counts.count == 1
    if line { x = try x.withLine() }
    let unit = line ? [1] : []
    let pool = PlanarPool(
      size: unit + window.kernel, strides: unit + window.strides,
      dilations: unit + window.dilations, low: (line ? [0] : []) + window.low,
      high: (line ? [0] : []) + high)
    let (values, positions) = try pool.maxima(x)
    let shape = try Shape(checking: Array(source.shape.dimensions[..<2]) + counts)
    var results = [Operand(try values.reshape(shape).converted(source.dtype), type)]
    if wantsIndices {
      let indices = try pool.flatIndices(
        positions, of: x, byColumns: call.flag("storage_order") && !line)
      results.append(Operand(try indices.reshape(shape), .int64))
    }
    return results
  }
  guard !wantsIndices else {
    throw ONNXError(.unsupported, "its indices over more than two axes are not supported")
  }
  // The maximum over a box is that along each axis in turn.
  for axis in counts.indices {
    let moved = try x.movingToLast(axis + 2)
    let pool = PlanarPool(
      size: [1, window.kernel[axis]], strides: [1, window.strides[axis]],
      dilations: [1, window.dilations[axis]], low: [0, window.low[axis]], high: [0, high[axis]])
    let rows = moved.shape.dimensions.dropLast().reduce(1, *)
    let values = try pool.maxima(moved.reshape([1, rows, 1, moved.shape[moved.rank - 1]])).values
    x = try values.reshape(Array(moved.shape.dimensions.dropLast()) + [counts[axis]])
      .movingLast(to: axis + 2)
  }
  return [Operand(try x.converted(source.dtype), type)]
}

/// A maximum over windows of planes.
private struct PlanarPool {
  let size: [Int]
  let strides: [Int]
  let dilations: [Int]
  let low: [Int]
  let high: [Int]

  /// Values and positions (h · W + w in the uncut plane) of the maxima of [N, C, H, W].
  func maxima(_ x: Term) throws(ONNXError) -> (values: Term, positions: Term) {
    // Elements beyond the last window are cut off at the end, where positions do not shift.
    let cut = try x.padSpatially(
      low: low.map { min($0, 0) }, high: high.map { min($0, 0) })
    let window = Window(
      size: Size2D(size[0], size[1]), strides: Size2D(strides[0], strides[1]),
      padding: Padding2D(
        top: max(low[0], 0), bottom: max(high[0], 0), left: max(low[1], 0), right: max(high[1], 0)),
      dilations: Size2D(dilations[0], dilations[1]))
    let positions = try x.emission.add(.reduction(.windowArgmax(window)), [cut])
    let planes = cut.shape[0] * cut.shape[1]
    let count = positions.shape[2] * positions.shape[3]
    let values = try cut.reshape([planes, cut.shape[2] * cut.shape[3], 1])
      .gather(positions.reshape([planes, count]))
    return (try values.reshape(positions.shape), positions)
  }

  /// Positions in the whole input, as ONNX counts them.
  func flatIndices(
    _ positions: Term, of x: Term, byColumns: Bool
  ) throws(ONNXError) -> Term {
    guard low.allSatisfy({ $0 >= 0 }) else {
      throw ONNXError(.unsupported, "its indices with negative padding are not supported")
    }
    let (height, width) = (x.shape[2], x.shape[3])
    let position = try positions.converted(.i64)
    let cutWidth = Double(width + min(high[1], 0))
    let row = try position / cutWidth
    let column = try position - row * cutWidth
    let inPlane =
      try byColumns ? column * Double(height) + row : row * Double(width) + column
    let image = try x.emission.iota(positions.shape, axis: 0, .i64)
    let channel = try x.emission.iota(positions.shape, axis: 1, .i64)
    let plane = try image * Double(x.shape[1]) + channel
    return try plane * Double(height * width) + inPlane
  }
}

private func averagePool(_ call: OperatorCall) throws(ONNXError) -> Term {
  let (x, window, counts) = try pooled(call)
  _ = try x.checkedFloating()
  let countsPadding = call.flag("count_include_pad")
  let high = window.exactHigh(counts)
  if x.rank == 4, window.kernel == window.strides, window.dilations == [1, 1],
    window.low == [0, 0], high.allSatisfy({ $0 <= 0 })
  {
    // Windows side by side need no convolution.
    let size = Size2D(window.kernel[0], window.kernel[1])
    let pool = Window(size: size, strides: size)
    return x.emission.adopt(x.value.averagePool(pool))
  }
  var result = try x.windowSums(window, counts)
  for axis in counts.indices {
    guard Double(counts[axis]) * Double(window.kernel[axis]) <= 0x1p26 else {
      throw ONNXError(
        .tooLarge, "its \(counts[axis]) windows of \(window.kernel[axis]) are too many")
    }
    let weights = (0..<counts[axis]).map { position -> Double in
      let start = position * window.strides[axis] - window.low[axis]
      let elements = (0..<window.kernel[axis]).filter { element in
        let place = start + element * window.dilations[axis]
        return countsPadding
          ? place < window.input[axis] + window.high[axis]
          : (0..<window.input[axis]).contains(place)
      }
      return 1 / Double(max(elements.count, 1))
    }
    let shape = try Shape(
      checking: [counts[axis]] + [Int](repeating: 1, count: counts.count - 1 - axis))
    let constant = HostTensor(shape, .double, .floats(weights))
    result = try result * x.emission.term(Operand(constant))
  }
  return result
}

extension Term {
  /// Sums over the windows of [N, C, ...], two axes at a time.
  fileprivate func windowSums(
    _ window: WindowAttributes, _ counts: [Int]
  ) throws(ONNXError) -> Term {
    _ = try checkedFloating()
    let high = window.exactHigh(counts)
    var x = self
    var axes = Array(counts.indices)
    while !axes.isEmpty {
      let pair = Array(axes.suffix(2))
      axes.removeLast(pair.count)
      // The pair to the end, everything else to the batch.
      let others = (0..<x.rank).filter { !pair.contains($0 - 2) }
      let order = others + pair.map { $0 + 2 }
      let moved = try x.transpose(order)
      let lead = pair.count == 1 ? [1] : []
      let extents = lead + pair.map { x.shape[$0 + 2] }
      let rows = others.reduce(1) { $0 * x.shape[$1] }
      let flat = try moved.reshape([rows, 1] + extents)
      let zero = pair.count == 1 ? [0] : []
      let low = zero + pair.map { window.low[$0] }
      let end = zero + pair.map { high[$0] }
      let cut = try flat.padSpatially(
        low: low.map { Swift.min($0, 0) }, high: end.map { Swift.min($0, 0) })
      let kernel = lead + pair.map { window.kernel[$0] }
      let strides = lead + pair.map { window.strides[$0] }
      let dilations = lead + pair.map { window.dilations[$0] }
      let convolution = Convolution(
        strides: Size2D(strides[0], strides[1]),
        padding: Padding2D(
          top: Swift.max(low[0], 0), bottom: Swift.max(end[0], 0), left: Swift.max(low[1], 0),
          right: Swift.max(end[1], 0)),
        dilations: Size2D(dilations[0], dilations[1]))
      let ones = try emission.constant(1, Shape(checking: [1, 1] + kernel), dtype)
      let sums = try emission.add(.contraction(.convolution(convolution)), [cut, ones])
      let result = try sums.reshape(others.map { x.shape[$0] } + pair.map { counts[$0] })
      var inverse = order
      for (place, axis) in order.enumerated() { inverse[axis] = place }
      x = try result.transpose(inverse)
    }
    return x
  }

  /// Axis `axis` becomes the last.
  func movingToLast(_ axis: Int) throws(ONNXError) -> Term {
    try transpose((0..<rank).filter { $0 != axis } + [axis])
  }

  /// The last axis becomes axis `axis`.
  func movingLast(to axis: Int) throws(ONNXError) -> Term {
    var order = Array(0..<rank - 1)
    order.insert(rank - 1, at: axis)
    return try transpose(order)
  }
}

private func maxUnpool(_ call: OperatorCall) throws(ONNXError) -> Term {
  let (x, indices) = (try call.term(0).checkedFloating(), try call.term(1))
  guard x.rank >= 3, indices.shape == x.shape, let kernel = call.integers("kernel_shape") else {
    throw ONNXError(.malformed, "\(x.shape) and indices \(indices.shape) do not fit")
  }
  let window = try WindowAttributes(
    call, input: Array(x.shape.dimensions[2...]), kernel: kernel)
  let extents = window.input.indices.map {
    (window.input[$0] - 1) * window.strides[$0] + kernel[$0] - window.low[$0] - window.high[$0]
  }
  let inferred = Array(x.shape.dimensions[..<2]) + extents
  let given = try call.optionalHostIntegers(2, "output_shape") ?? inferred
  guard given.count == inferred.count, zip(given, inferred).allSatisfy({ $0 >= $1 }) else {
    throw ONNXError(.malformed, "its output_shape \(given) does not hold \(inferred)")
  }
  let count = x.shape.elementCount
  let total = try Shape(checking: inferred).elementCount
  let grid = try x.reshape([1, count, 1])
    .scatterAdd(indices.reshape([1, count]), size: total).reshape(inferred)
  // Indices count within the inferred shape; a larger output has zeros after it.
  return try grid.pad(
    low: inferred.map { _ in 0 }, high: zip(given, inferred).map { $0 - $1 })
}

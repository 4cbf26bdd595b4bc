import TensorGraph

/// Convolutions over one, two or more spatial axes.
let convolutionOperators: [OperatorEntry] = [
  .uniform("Conv", restrictions: "floating-point numbers only") { call throws(ONNXError) in
    try convolution(call)
  },
  .uniform("ConvTranspose", restrictions: "floating-point numbers only") { call throws(ONNXError) in
    try transposedConvolution(call)
  },
]

private func checked(
  _ call: OperatorCall
) throws(ONNXError) -> (input: Term, weight: Term, groups: Int) {
  let (input, weight) = (try call.term(0).checkedFloating(), try call.term(1))
  let groups = call.integer("group", default: 1)
  guard (3...5).contains(input.rank), weight.rank == input.rank, (1...1 << 24).contains(groups)
  else {
    throw ONNXError(
      .malformed,
      "an input \(input.shape) and a weight \(weight.shape) do not fit together in \(groups) groups"
    )
  }
  let kernel = Array(weight.shape.dimensions[2...])
  if let declared = call.integers("kernel_shape"), declared != kernel {
    throw ONNXError(
      .malformed, "its kernel_shape \(declared) is not that of its weight \(weight.shape)")
  }
  return (input, weight, groups)
}

private func convolution(_ call: OperatorCall) throws(ONNXError) -> Term {
  let (input, weight, groups) = try checked(call)
  let window = try WindowAttributes(
    call, input: Array(input.shape.dimensions[2...]), kernel: Array(weight.shape.dimensions[2...]))
  // The graph's convolutions pad by no negative amounts.
  let cut = try input.padSpatially(
    low: window.low.map { min($0, 0) }, high: window.high.map { min($0, 0) })
  let geometry = ConvolutionGeometry(
    strides: window.strides, dilations: window.dilations, low: window.low.map { max($0, 0) },
    high: window.high.map { max($0, 0) }, groups: groups)
  return try withBias(call, geometry.convolved(cut, weight))
}

private func withBias(_ call: OperatorCall, _ result: Term) throws(ONNXError) -> Term {
  guard let bias = try call.optionalTerm(2) else { return result }
  return try result + bias.alongChannels(of: result)
}

/// The transpose of a convolution in its input, [N, C, ...] with weight [C, O / groups, ...].
private func transposedConvolution(_ call: OperatorCall) throws(ONNXError) -> Term {
  let (input, weight, groups) = try checked(call)
  let count = input.rank - 2
  let kernel = Array(weight.shape.dimensions[2...])
  let extents = Array(input.shape.dimensions[2...])
  var window = try WindowAttributes(call, input: extents, kernel: kernel)
  let extra = call.integers("output_padding") ?? [Int](repeating: 0, count: count)
  guard extra.count == count, extra.allSatisfy((0...1 << 24).contains),
    extents.allSatisfy({ (1...1 << 32).contains($0) })
  else { throw ONNXError(.malformed, "its output_padding \(extra) does not fit") }
  // Extents before the padding is cut off.
  let full = (0..<count).map { (axis: Int) -> Int in
    let steps: Int = (extents[axis] - 1) * window.strides[axis]
    return steps + window.spans[axis] + extra[axis]
  }
  let automatic = call.string("auto_pad", default: "NOTSET")
  var wanted = call.integers("output_shape").map { Array($0.suffix(count)) }
  if wanted == nil, automatic.hasPrefix("SAME") {
    wanted = (0..<count).map { extents[$0] * window.strides[$0] }
  }
  if let wanted {
    guard wanted.count == count, wanted.allSatisfy((0...1 << 40).contains) else {
      throw ONNXError(.malformed, "its output_shape \(wanted) does not fit")
    }
    for axis in 0..<count {
      let total = full[axis] - wanted[axis]
      let half = total / 2
      // What is missing is added at the end.
      window.low[axis] = total < 0 ? 0 : automatic == "SAME_UPPER" ? half : total - half
      window.high[axis] = total - window.low[axis]
    }
  }
  let geometry = ConvolutionGeometry(
    strides: window.strides, dilations: window.dilations, low: [Int](repeating: 0, count: count),
    high: [Int](repeating: 0, count: count), groups: groups)
  let whole = try geometry.transposed(input, weight)
    .padSpatially(low: [Int](repeating: 0, count: count), high: extra)
  return try withBias(
    call, whole.padSpatially(low: window.low.map { -$0 }, high: window.high.map { -$0 }))
}

/// A convolution over any number of spatial axes, made of two-dimensional ones: over more axes it is
/// the sum, over the first kernel axis, of convolutions of slices.
private struct ConvolutionGeometry {
  let strides: [Int]
  let dilations: [Int]
  let low: [Int]
  let high: [Int]
  let groups: Int

  private var planar: Convolution {
    Convolution(
      strides: Size2D(strides[0], strides[1]),
      padding: Padding2D(top: low[0], bottom: high[0], left: low[1], right: high[1]),
      dilations: Size2D(dilations[0], dilations[1]), groups: groups)
  }

  /// The same with a leading axis of extent 1, or without the first axis.
  private var widened: ConvolutionGeometry {
    ConvolutionGeometry(
      strides: [1] + strides, dilations: [1] + dilations, low: [0] + low, high: [0] + high,
      groups: groups)
  }

  private var inner: ConvolutionGeometry {
    ConvolutionGeometry(
      strides: Array(strides[1...]), dilations: Array(dilations[1...]), low: Array(low[1...]),
      high: Array(high[1...]), groups: groups)
  }

  func convolved(_ input: Term, _ weight: Term) throws(ONNXError) -> Term {
    switch strides.count {
    case 1:
      let result = try widened.convolved(input.withLine(), weight.withLine())
      return try result.withoutLine()
    case 2:
      return try input.emission.add(.contraction(.convolution(planar)), [input, weight])
    default:
      let padded = try input.padSpatially(
        low: [low[0]] + low[1...].map { _ in 0 }, high: [high[0]] + high[1...].map { _ in 0 })
      let kernel = weight.shape[2]
      guard padded.shape[2] >= dilations[0] * (kernel - 1) + 1, kernel <= 64 else {
        throw ONNXError(
          .malformed, "a kernel of \(weight.shape) does not fit an input of \(padded.shape)")
      }
      let count = (padded.shape[2] - dilations[0] * (kernel - 1) - 1) / strides[0] + 1
      var sum: Term?
      for position in 0..<kernel {
        let planes = (0..<count).map { $0 * strides[0] + position * dilations[0] }
        let slices = try padded.strided(axis: 2, from: planes[0], count: count, by: strides[0])
        let part = try inner.convolved(
          slices.foldingDepth(), weight.slice(axis: 2, position..<position + 1).droppingAxis(2))
        sum = try sum.map { (total) throws(ONNXError) in try total + part } ?? part
      }
      guard let sum else { throw ONNXError(.malformed, "its kernel is empty") }
      return try sum.unfoldingDepth(count)
    }
  }

  /// The transpose of a convolution without padding.
  func transposed(_ input: Term, _ weight: Term) throws(ONNXError) -> Term {
    switch strides.count {
    case 1:
      return try widened.transposed(input.withLine(), weight.withLine()).withoutLine()
    case 2:
      let size = Size2D(
        (input.shape[2] - 1) * strides[0] + dilations[0] * (weight.shape[2] - 1) + 1,
        (input.shape[3] - 1) * strides[1] + dilations[1] * (weight.shape[3] - 1) + 1)
      return try input.emission.add(
        .contraction(.convolutionInputGradient(planar, inputSize: size)), [input, weight])
    default:
      let (kernel, count) = (weight.shape[2], input.shape[2])
      guard kernel <= 64 else { throw ONNXError(.tooLarge, "its kernel is too large") }
      let folded = try input.foldingDepth()
      var sum: Term?
      for position in 0..<kernel {
        let part = try inner.transposed(
          folded, weight.slice(axis: 2, position..<position + 1).droppingAxis(2)
        ).unfoldingDepth(count)
        var (low, high, interior) = (
          [Int](repeating: 0, count: part.rank), [Int](repeating: 0, count: part.rank),
          [Int](repeating: 0, count: part.rank)
        )
        low[2] = position * dilations[0]
        high[2] = (kernel - 1 - position) * dilations[0]
        interior[2] = strides[0] - 1
        let placed = try part.pad(low: low, high: high, interior: interior)
        sum = try sum.map { (total) throws(ONNXError) in try total + placed } ?? placed
      }
      guard let sum else { throw ONNXError(.malformed, "its kernel is empty") }
      return sum
    }
  }
}

extension Term {
  /// This [C] as [C, 1, ...], which broadcasts along axis 1 of `other`.
  func alongChannels(of other: Term) throws(ONNXError) -> Term {
    guard other.rank >= 2, shape == [other.shape[1]] else {
      throw ONNXError(.malformed, "\(shape) is not one value per channel of \(other.shape)")
    }
    return try reshape([other.shape[1]] + [Int](repeating: 1, count: other.rank - 2))
  }

  /// [N, C, L] as [N, C, 1, L].
  func withLine() throws(ONNXError) -> Term { try reshape([shape[0], shape[1], 1, shape[2]]) }

  /// [N, C, 1, L] as [N, C, L].
  func withoutLine() throws(ONNXError) -> Term { try reshape([shape[0], shape[1], shape[3]]) }

  func droppingAxis(_ axis: Int) throws(ONNXError) -> Term {
    try reshape(shape.removing(axes: [axis]))
  }

  /// `count` elements along `axis`, every `step`-th from `start` on.
  func strided(axis: Int, from start: Int, count: Int, by step: Int) throws(ONNXError) -> Term {
    var starts = [Int](repeating: 0, count: rank)
    var limits = shape.dimensions
    var strides = [Int](repeating: 1, count: rank)
    starts[axis] = start
    limits[axis] = start + (count - 1) * step + 1
    strides[axis] = step
    return try slice(starts: starts, limits: limits, strides: strides)
  }

  /// [N, C, D, ...] as [N · D, C, ...].
  func foldingDepth() throws(ONNXError) -> Term {
    let order = [0, 2, 1] + Array(3..<rank)
    let turned = try transpose(order)
    return try turned.reshape([shape[0] * shape[2], shape[1]] + shape.dimensions[3...])
  }

  /// [N · D, C, ...] as [N, C, D, ...].
  func unfoldingDepth(_ depth: Int) throws(ONNXError) -> Term {
    let batch = depth == 0 ? 0 : shape[0] / depth
    let split = try reshape([batch, depth] + shape.dimensions[1...])
    return try split.transpose([0, 2, 1] + Array(3..<split.rank))
  }
}

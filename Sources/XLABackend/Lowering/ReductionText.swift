import TensorGraph

extension ReductionOp {
  func lower(
    _ operand: StableHLOBuilder.Value, _ type: TensorType, _ builder: inout StableHLOBuilder
  ) -> StableHLOBuilder.Value {
    switch self {
    case .reduce(.sum, let axes):
      builder.reduce("add", operand, identity: 0, axes: axes, type.shape)
    case .reduce(.maximum, let axes):
      builder.reduce("maximum", operand, identity: -.infinity, axes: axes, type.shape)
    case .argmax(let axis):
      firstLargest(operand, axis: axis, type, &builder)
    case .windowArgmax(let window):
      firstLargest(operand, of: window, type, &builder)
    }
  }
}

/// Two plain reductions, which plugins do well, in place of one over pairs: the largest, and the first position
/// that holds it or NaN.
private func firstLargest(
  _ operand: StableHLOBuilder.Value, axis: Int, _ type: TensorType,
  _ builder: inout StableHLOBuilder
) -> StableHLOBuilder.Value {
  let largest = builder.reduce(
    "maximum", operand, identity: -.infinity, axes: [axis], type.shape)
  let kept = (0..<operand.shape.rank).filter { $0 != axis }
  let spread = builder.broadcast(largest, to: operand.shape, axes: kept)
  var holds = builder.compare(operand, .equal, spread)
  if operand.dtype.isFloatingPoint {
    // NaN equals nothing, itself included.
    holds = builder.or(holds, builder.compare(operand, .notEqual, operand))
  }
  let positions = builder.iota(TensorType(operand.shape, .i32), axis: axis)
  let none = builder.splat(Double(Int32.max), like: positions)
  let candidates = builder.select(holds, positions, none)
  return builder.reduce(
    "minimum", candidates, identity: Double(Int32.max), axes: [axis], type.shape)
}

/// The largest element so far of every window, and its position; -1 for none.
private struct Champion {
  let value: StableHLOBuilder.Value
  let position: StableHLOBuilder.Value

  /// The better of this and another one, element by element: what is not there loses to all, then the larger
  /// wins, NaN the largest, then what comes first.
  func challenged(by other: Champion, _ builder: inout StableHLOBuilder) -> Champion {
    let none = builder.splat(0, like: position)
    let exists = builder.compare(other.position, .greaterOrEqual, none)
    let isAlone = builder.compare(position, .less, none)
    let isLarger = builder.compare(other.value, .greater, value)
    let (isNaN, wasNaN) = (
      builder.compare(other.value, .notEqual, other.value), builder.compare(value, .notEqual, value)
    )
    let wasNumber = builder.apply("not", wasNaN, type: wasNaN.type)
    let isNewNaN = builder.and(isNaN, wasNumber)
    let isEqual = builder.or(
      builder.compare(other.value, .equal, value), builder.and(isNaN, wasNaN))
    let isFirst = builder.and(isEqual, builder.compare(other.position, .less, position))
    let beats = builder.or(builder.or(isLarger, isNewNaN), isFirst)
    let wins = builder.and(exists, builder.or(isAlone, beats))
    return Champion(
      value: builder.select(wins, other.value, value),
      position: builder.select(wins, other.position, position))
  }
}

/// Folds the rows of all windows, then the columns, by strided slices: height plus width of them for one window,
/// elementwise work that a plugin fuses.
private func firstLargest(
  _ operand: StableHLOBuilder.Value, of window: Window, _ type: TensorType,
  _ builder: inout StableHLOBuilder
) -> StableHLOBuilder.Value {
  guard operand.shape.elementCount > 0, type.shape.elementCount > 0 else {
    return builder.splat(-1, type)
  }
  let (images, channels) = (operand.shape[0], operand.shape[1])
  let (height, width) = (operand.shape[2], operand.shape[3])
  let (rows, columns) = (type.shape[2], type.shape[3])
  // What the windows reach, which may be less than the padded image.
  let reach = Size2D(
    (rows - 1) * window.strides.height + (window.size.height - 1) * window.dilations.height + 1,
    (columns - 1) * window.strides.width + (window.size.width - 1) * window.dilations.width + 1)
  let low = [window.padding.top, window.padding.left]
  let high = [
    reach.height - height - window.padding.top, reach.width - width - window.padding.left,
  ]
  let values = builder.pad(
    operand, low: [0, 0] + low, high: [0, 0] + high, interior: [0, 0, 0, 0],
    [images, channels, reach.height, reach.width])
  let line = builder.iota(TensorType([height * width], .i32), axis: 0)
  let places = builder.pad(
    builder.reshape(line, to: [height, width]), with: -1, low: low, high: high, interior: [0, 0],
    [reach.height, reach.width])
  let all = Champion(
    value: values, position: builder.broadcast(places, to: values.shape, axes: [2, 3]))
  let byRow = all.folded(
    axis: 2, count: window.size.height, dilation: window.dilations.height,
    stride: window.strides.height, to: rows, &builder)
  return byRow.folded(
    axis: 3, count: window.size.width, dilation: window.dilations.width,
    stride: window.strides.width, to: columns, &builder
  ).position
}

extension Champion {
  /// The best of `count` elements along an axis, `dilation` apart, for windows `stride` apart.
  func folded(
    axis: Int, count: Int, dilation: Int, stride: Int, to extent: Int,
    _ builder: inout StableHLOBuilder
  ) -> Champion {
    var best = sliced(axis, from: 0, stride, extent, &builder)
    for index in 1..<max(count, 1) {
      best = best.challenged(
        by: sliced(axis, from: index * dilation, stride, extent, &builder), &builder)
    }
    return best
  }

  private func sliced(
    _ axis: Int, from start: Int, _ stride: Int, _ extent: Int, _ builder: inout StableHLOBuilder
  ) -> Champion {
    var shape = value.shape.dimensions
    var (starts, limits, strides) = (shape.map { _ in 0 }, shape, shape.map { _ in 1 })
    (starts[axis], limits[axis]) = (start, start + (extent - 1) * stride + 1)
    strides[axis] = stride
    shape[axis] = extent
    func part(_ value: StableHLOBuilder.Value) -> StableHLOBuilder.Value {
      builder.slice(value, starts: starts, limits: limits, strides: strides, Shape(shape))
    }
    return Champion(value: part(value), position: part(position))
  }
}

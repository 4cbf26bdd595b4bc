import TensorGraph

extension ContractionOp {
  /// Products at the full precision of their type: without it plugins use TF32 or bfloat16.
  func lower(
    _ left: StableHLOBuilder.Value, _ right: StableHLOBuilder.Value, _ type: TensorType,
    _ builder: inout StableHLOBuilder
  ) -> StableHLOBuilder.Value {
    guard ![left.type, right.type, type].contains(where: { $0.shape.elementCount == 0 }) else {
      return builder.splat(0, type)
    }
    switch self {
    case .matmul(let transposeA, let transposeB):
      return product(left, right, transposeA, transposeB, type, &builder)
    case .convolution(let convolution):
      return ConvolutionText(
        axes: "[b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1]", strides: convolution.strides,
        padding: convolution.padding.rowsAndColumns, kernelDilation: convolution.dilations,
        featureGroups: convolution.groups
      ).add(left, right, type, &builder)
    case .convolutionInputGradient(let convolution, let size):
      return inputGradient(convolution, size, left, right, type, &builder)
    case .convolutionWeightGradient(let convolution, let kernel):
      return weightGradient(convolution, kernel, left, right, type, &builder)
    }
  }
}

private let highest = "#stablehlo<precision HIGHEST>"

private func product(
  _ left: StableHLOBuilder.Value, _ right: StableHLOBuilder.Value, _ transposeA: Bool,
  _ transposeB: Bool, _ type: TensorType, _ builder: inout StableHLOBuilder
) -> StableHLOBuilder.Value {
  let rank = type.shape.rank
  let batch = StableHLO.list(Array(0..<rank - 2))
  return builder.call(
    "dot_general \(left.name), \(right.name)"
      + (rank == 2 ? "" : ", batching_dims = \(batch) x \(batch)")
      + ", contracting_dims = [\(transposeA ? rank - 2 : rank - 1)] x "
      + "[\(transposeB ? rank - 1 : rank - 2)], precision = [HIGHEST, HIGHEST]",
    [left, right], type)
}

/// The attributes of StableHLO's convolution.
private struct ConvolutionText {
  /// What the axes of input, kernel and result are.
  let axes: String
  let strides: Size2D
  /// Before and after the rows, before and after the columns; negative ones remove.
  let padding: [Int]
  var inputDilation = Size2D(1, 1)
  let kernelDilation: Size2D
  var featureGroups = 1
  var batchGroups = 1

  func add(
    _ input: StableHLOBuilder.Value, _ kernel: StableHLOBuilder.Value, _ type: TensorType,
    _ builder: inout StableHLOBuilder
  ) -> StableHLOBuilder.Value {
    func pair(_ size: Size2D) -> String { "[\(size.height), \(size.width)]" }
    return builder.call(
      "convolution(\(input.name), \(kernel.name)) dim_numbers = \(axes), window = {stride = "
        + "\(pair(strides)), pad = [[\(padding[0]), \(padding[1])], [\(padding[2]), \(padding[3])]], "
        + "lhs_dilate = \(pair(inputDilation)), rhs_dilate = \(pair(kernelDilation)), "
        + "reverse = [false, false]} {batch_group_count = \(batchGroups) : i64, "
        + "feature_group_count = \(featureGroups) : i64, "
        + "precision_config = [\(highest), \(highest)]}", [input, kernel], type)
  }
}

extension Padding2D {
  fileprivate var rowsAndColumns: [Int] { [top, bottom, left, right] }
}

/// The cotangent, spread by the strides, under the kernel turned around with its channels swapped.
private func inputGradient(
  _ convolution: Convolution, _ size: Size2D, _ cotangent: StableHLOBuilder.Value,
  _ weight: StableHLOBuilder.Value, _ type: TensorType, _ builder: inout StableHLOBuilder
) -> StableHLOBuilder.Value {
  func padding(
    _ low: Int, _ extent: Int, _ count: Int, _ stride: Int, _ kernel: Int, _ dilation: Int
  ) -> [Int] {
    let reach = (kernel - 1) * dilation
    let before = reach - low
    return [before, extent + reach - before - ((count - 1) * stride + 1)]
  }
  let shape = weight.shape
  var kernel = weight
  if convolution.groups > 1 {
    // [G * O', C', h, w] -> [O', G * C', h, w]: one group's outputs are the channels that it reads.
    let (groups, outputs) = (convolution.groups, shape[0] / convolution.groups)
    kernel = builder.reshape(kernel, to: [groups, outputs, shape[1], shape[2], shape[3]])
    kernel = builder.transpose(kernel, [1, 0, 2, 3, 4])
    kernel = builder.reshape(kernel, to: [outputs, groups * shape[1], shape[2], shape[3]])
  }
  // An operation, not the attribute `reverse`: so XLA knows it for an input gradient of the device's library.
  if shape[2] * shape[3] > 1 { kernel = builder.reverse(kernel, axes: [2, 3]) }
  return ConvolutionText(
    axes: "[b, f, 0, 1]x[i, o, 0, 1]->[b, f, 0, 1]", strides: Size2D(1, 1),
    padding: padding(
      convolution.padding.top, size.height, cotangent.shape[2], convolution.strides.height,
      shape[2], convolution.dilations.height)
      + padding(
        convolution.padding.left, size.width, cotangent.shape[3], convolution.strides.width,
        shape[3], convolution.dilations.width),
    inputDilation: convolution.strides, kernelDilation: convolution.dilations,
    featureGroups: convolution.groups
  ).add(cotangent, kernel, type, &builder)
}

/// Sums over the batch: channels of the input act as images, images as channels, the cotangent as the kernel.
private func weightGradient(
  _ convolution: Convolution, _ kernel: Size2D, _ input: StableHLOBuilder.Value,
  _ cotangent: StableHLOBuilder.Value, _ type: TensorType, _ builder: inout StableHLOBuilder
) -> StableHLOBuilder.Value {
  func padding(
    _ low: Int, _ extent: Int, _ count: Int, _ stride: Int, _ kernel: Int, _ dilation: Int
  ) -> [Int] {
    [low, (kernel - 1) * dilation + (count - 1) * stride + 1 - extent - low]
  }
  return ConvolutionText(
    axes: "[f, b, 0, 1]x[i, o, 0, 1]->[f, b, 0, 1]", strides: convolution.dilations,
    padding: padding(
      convolution.padding.top, input.shape[2], cotangent.shape[2], convolution.strides.height,
      kernel.height, convolution.dilations.height)
      + padding(
        convolution.padding.left, input.shape[3], cotangent.shape[3], convolution.strides.width,
        kernel.width, convolution.dilations.width),
    kernelDilation: convolution.strides, batchGroups: convolution.groups
  ).add(input, cotangent, type, &builder)
}

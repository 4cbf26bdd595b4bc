extension ContractionOp {
  func resultType(_ left: TensorType, _ right: TensorType) throws(GraphError) -> TensorType {
    guard left.dtype == right.dtype, left.dtype.isFloatingPoint else {
      throw GraphError(
        "\(name) takes two operands of one floating-point type, not \(left), \(right)")
    }
    let shape: Shape
    switch self {
    case .matmul(let transposeA, let transposeB):
      shape = try matmulShape(left.shape, right.shape, transposeA, transposeB)
    case .convolution(let convolution):
      shape = try convolution.outputShape(input: left.shape, weight: right.shape)
    case .convolutionInputGradient(let convolution, let inputSize):
      shape = try convolution.inputShape(
        cotangent: left.shape, weight: right.shape, inputSize: inputSize)
    case .convolutionWeightGradient(let convolution, let kernelSize):
      shape = try convolution.weightShape(
        input: left.shape, cotangent: right.shape, kernelSize: kernelSize)
    }
    return TensorType(shape, left.dtype)
  }
}

private func matmulShape(
  _ left: Shape, _ right: Shape, _ transposeA: Bool, _ transposeB: Bool
) throws(GraphError) -> Shape {
  let rank = left.rank
  guard rank >= 2, right.rank == rank,
    left.dimensions.dropLast(2) == right.dimensions.dropLast(2)
  else {
    throw GraphError("matmul: \(left) and \(right) differ in their batch axes")
  }
  let (rows, inner) =
    transposeA ? (left[rank - 1], left[rank - 2]) : (left[rank - 2], left[rank - 1])
  let (rightInner, columns) =
    transposeB ? (right[rank - 1], right[rank - 2]) : (right[rank - 2], right[rank - 1])
  guard inner == rightInner else {
    throw GraphError(
      "matmul: inner extents \(inner) and \(rightInner) of \(left)\(transposeA ? "ᵀ" : "") and "
        + "\(right)\(transposeB ? "ᵀ" : "") differ")
  }
  return try Shape(validating: Array(left.dimensions.dropLast(2)) + [rows, columns])
}

extension Convolution {
  fileprivate func outputShape(input: Shape, weight: Shape) throws(GraphError) -> Shape {
    try checkAttributes()
    guard input.rank == 4, weight.rank == 4 else {
      throw GraphError(
        "convolution takes [N, C, H, W] and [O, C / groups, kH, kW], not \(input), \(weight)")
    }
    try check(channels: input[1], weight: weight)
    let size = try outputSize(
      checking: Size2D(input[2], input[3]), kernel: Size2D(weight[2], weight[3]))
    return try Shape(validating: [input[0], weight[0], size.height, size.width])
  }

  fileprivate func inputShape(
    cotangent: Shape, weight: Shape, inputSize: Size2D
  ) throws(GraphError) -> Shape {
    try checkAttributes()
    guard cotangent.rank == 4, weight.rank == 4, cotangent[1] == weight[0] else {
      throw GraphError(
        "convolution_input_gradient: cotangent \(cotangent) does not fit weight \(weight)")
    }
    let (channels, overflow) = weight[1].multipliedReportingOverflow(by: groups)
    guard !overflow else {
      throw GraphError(
        "convolution_input_gradient: weight \(weight) has too many channels for \(groups) groups")
    }
    try check(channels: channels, weight: weight)
    let size = try outputSize(checking: inputSize, kernel: Size2D(weight[2], weight[3]))
    guard size == Size2D(cotangent[2], cotangent[3]) else {
      throw GraphError(
        "convolution_input_gradient: an input of \(inputSize) gives \(size), not \(cotangent)")
    }
    return try Shape(validating: [cotangent[0], channels, inputSize.height, inputSize.width])
  }

  fileprivate func weightShape(
    input: Shape, cotangent: Shape, kernelSize: Size2D
  ) throws(GraphError) -> Shape {
    try checkAttributes()
    guard input.rank == 4, cotangent.rank == 4, input[0] == cotangent[0],
      input[1] % groups == 0, cotangent[1] % groups == 0
    else {
      throw GraphError(
        "convolution_weight_gradient: input \(input) and cotangent \(cotangent) do not fit "
          + "\(groups) groups")
    }
    let size = try outputSize(checking: Size2D(input[2], input[3]), kernel: kernelSize)
    guard size == Size2D(cotangent[2], cotangent[3]) else {
      throw GraphError(
        "convolution_weight_gradient: a kernel of \(kernelSize) gives \(size), not \(cotangent)")
    }
    return try Shape(
      validating: [cotangent[1], input[1] / groups, kernelSize.height, kernelSize.width])
  }

  private func outputSize(checking input: Size2D, kernel: Size2D) throws(GraphError) -> Size2D {
    guard let size = outputSize(input: input, kernel: kernel) else {
      throw GraphError("convolution: a kernel of \(kernel) does not fit an input of \(input)")
    }
    return size
  }

  private func check(channels: Int, weight: Shape) throws(GraphError) {
    guard channels % groups == 0, channels / groups == weight[1], weight[0] % groups == 0 else {
      throw GraphError(
        "convolution: \(channels) channels and weight \(weight) do not fit \(groups) groups")
    }
  }

  private func checkAttributes() throws(GraphError) {
    try checkWindowAttributes(strides: strides, padding: padding, dilations: dilations)
    guard groups >= 1 else { throw GraphError("convolution: groups are \(groups), not positive") }
  }
}

func checkWindowAttributes(
  strides: Size2D, padding: Padding2D, dilations: Size2D
) throws(GraphError) {
  for step in [strides.height, strides.width, dilations.height, dilations.width] {
    guard (1...Window.largestAttribute).contains(step) else {
      throw GraphError("window: strides \(strides) or dilations \(dilations) are out of range")
    }
  }
  for amount in [padding.top, padding.bottom, padding.left, padding.right] {
    guard (0...Window.largestAttribute).contains(amount) else {
      throw GraphError("window: padding \(padding) is out of range")
    }
  }
}

extension Value {
  /// A two-dimensional convolution layer: [N, C, H, W] with weight [O, C / groups, kH, kW] and bias
  /// [O] -> [N, O, oH, oW], the layout of PyTorch's `Conv2d`.
  public func convolution2D(
    weight: Value, bias: Value? = nil, _ convolution: Convolution = Convolution()
  ) -> Value {
    convolve(weight, convolution).scaledPerChannel(by: nil, plus: bias)
  }

  /// A one-dimensional convolution layer: [N, C, L] with weight [O, C / groups, k] and bias [O] ->
  /// [N, O, oL]. `padding` is added on both sides.
  public func convolution1D(
    weight: Value, bias: Value? = nil, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
    groups: Int = 1
  ) -> Value {
    precondition(
      shape.rank == 3 && weight.shape.rank == 3,
      "convolution1D takes [N, C, L] and [O, C / groups, k], not \(shape) and \(weight.shape)")
    let convolution = Convolution(
      strides: Size2D(1, stride),
      padding: Padding2D(top: 0, bottom: 0, left: padding, right: padding),
      dilations: Size2D(1, dilation), groups: groups)
    let result = reshape(to: [shape[0], shape[1], 1, shape[2]])
      .convolve(
        weight.reshape(to: [weight.shape[0], weight.shape[1], 1, weight.shape[2]]), convolution)
    return result.reshape(to: [result.shape[0], result.shape[1], result.shape[3]])
      .scaledPerChannel(by: nil, plus: bias)
  }

  /// A transposed convolution layer: [N, C, H, W] with weight [C, O / groups, kH, kW] and bias [O] ->
  /// [N, O, oH, oW], the layout of PyTorch's `ConvTranspose2d`.
  ///
  /// oH = (H - 1) · stride - top - bottom + dilation · (kH - 1) + outputPadding + 1, and likewise
  /// oW; the output padding picks one of the sizes that a strided convolution maps to H.
  public func transposedConvolution2D(
    weight: Value, bias: Value? = nil, _ convolution: Convolution = Convolution(),
    outputPadding: Size2D = Size2D(0, 0)
  ) -> Value {
    precondition(
      shape.rank == 4 && weight.shape.rank == 4,
      "transposed convolution takes [N, C, H, W] and [C, O / groups, kH, kW], not \(shape) and "
        + "\(weight.shape)")
    let (strides, padding, dilations) =
      (convolution.strides, convolution.padding, convolution.dilations)
    let height =
      (shape[2] - 1) * strides.height - padding.top - padding.bottom
      + dilations.height * (weight.shape[2] - 1) + outputPadding.height + 1
    let width =
      (shape[3] - 1) * strides.width - padding.left - padding.right
      + dilations.width * (weight.shape[3] - 1) + outputPadding.width + 1
    return convolutionInputGradient(weight, convolution, inputSize: Size2D(height, width))
      .scaledPerChannel(by: nil, plus: bias)
  }
}

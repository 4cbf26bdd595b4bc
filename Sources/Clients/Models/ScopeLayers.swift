import TensorGraph

/// The layers of PyTorch, with its parameter names (`weight`, `bias`, ...) and, unless told
/// otherwise, its initialisers.
extension ForwardScope {
  /// `torch.nn.Linear`: [..., in] -> [..., features].
  public func linear(
    _ input: Value, to features: Int, hasBias: Bool = true, weight: Initializer? = nil,
    bias: Initializer? = nil
  ) -> Value {
    let fanIn = input.shape[input.shape.rank - 1]
    let usual = Initializer.kaimingUniform(fanIn: fanIn)
    return input.linear(
      weight: parameter("weight", [features, fanIn], weight ?? usual),
      bias: hasBias ? parameter("bias", [features], bias ?? usual) : nil)
  }

  /// `torch.nn.Conv2d` with a square kernel: [N, C, H, W] -> [N, channels, oH, oW].
  public func convolution(
    _ input: Value, to channels: Int, kernel: Int, stride: Int = 1, padding: Int = 0,
    hasBias: Bool = true, weight: Initializer? = nil, bias: Initializer? = nil
  ) -> Value {
    let usual = Initializer.kaimingUniform(fanIn: input.shape[1] * kernel * kernel)
    let shape: Shape = [channels, input.shape[1], kernel, kernel]
    return input.convolution2D(
      weight: parameter("weight", shape, weight ?? usual),
      bias: hasBias ? parameter("bias", [channels], bias ?? usual) : nil,
      Convolution(strides: Size2D(stride, stride), padding: Padding2D(padding)))
  }

  /// `torch.nn.ConvTranspose2d` with kernel and stride 2: [N, C, H, W] -> [N, channels, 2 H, 2 W].
  public func doublingConvolution(_ input: Value, to channels: Int) -> Value {
    let usual = Initializer.kaimingUniform(fanIn: channels * 4)
    return input.transposedConvolution2D(
      weight: parameter("weight", [input.shape[1], channels, 2, 2], usual),
      bias: parameter("bias", [channels], usual), Convolution(strides: Size2D(2, 2)))
  }

  /// `torch.nn.Conv1d`: [N, C, 1, L] -> [N, channels, 1, oL].
  public func convolution1D(
    _ input: Value, to channels: Int, kernel: Int, stride: Int = 1, padding: Int = 0
  ) -> Value {
    let usual = Initializer.kaimingUniform(fanIn: input.shape[1] * kernel)
    let weight = parameter("weight", [channels, input.shape[1], kernel], usual)
    return input.convolution2D(
      weight: weight.reshape(to: [channels, input.shape[1], 1, kernel]),
      bias: parameter("bias", [channels], usual),
      Convolution(
        strides: Size2D(1, stride),
        padding: Padding2D(top: 0, bottom: 0, left: padding, right: padding)))
  }

  /// `torch.nn.BatchNorm2d`, in evaluation by its running statistics, in training by the batch's.
  ///
  /// The counter `num_batches_tracked` of PyTorch's `state_dict` is left out: nothing reads it.
  public func batchNorm(_ input: Value, epsilon: Double = 1e-5) -> Value {
    let channels: Shape = [input.shape[1]]
    let weight = parameter("weight", channels, .ones)
    let bias = parameter("bias", channels, .zeros)
    let running = (
      mean: buffer("running_mean", channels, .zeros),
      variance: buffer("running_var", channels, .ones)
    )
    context.batchNormLayers.append(ForwardContext.BatchNormLayer(input: input, running: running))
    let statistics = mode == .training ? input.channelStatistics() : running
    return input.batchNorm(
      mean: statistics.mean, variance: statistics.variance, weight: weight, bias: bias,
      epsilon: epsilon)
  }

  /// `torch.nn.LayerNorm` over the last axis.
  public func layerNorm(_ input: Value, epsilon: Double = 1e-5) -> Value {
    let shape: Shape = [input.shape[input.shape.rank - 1]]
    return input.layerNorm(
      weight: parameter("weight", shape, .ones), bias: parameter("bias", shape, .zeros),
      epsilon: epsilon)
  }
}

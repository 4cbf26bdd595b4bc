extension Value {
  /// Mean and biased variance, each [C], of the channels of [N, C, ...] over the batch: what batch
  /// normalisation uses in training.
  public func channelStatistics() -> (mean: Value, variance: Value) {
    precondition(shape.rank >= 2, "\(shape) has no channels")
    let axes = [0] + Array(2..<shape.rank)
    let mean = mean(axes: axes)
    let centered = self - mean.alongChannels(of: shape)
    return (mean, centered.squared().mean(axes: axes))
  }

  /// Batch normalisation of [N, C, ...]: (x - mean) / √(variance + epsilon) · weight + bias, all [C]
  /// (Ioffe and Szegedy 2015, arXiv 1502.03167, algorithm 1).
  ///
  /// In evaluation the statistics are the running ones; in training they are those of the batch,
  /// ``channelStatistics()``, through which derivatives then flow.
  public func batchNorm(
    mean: Value, variance: Value, weight: Value? = nil, bias: Value? = nil, epsilon: Double = 1e-5
  ) -> Value {
    // The scale is one small vector, so that the image is only shifted, multiplied and shifted.
    let deviation = (variance + epsilon).rsqrt()
    let scale = weight.map { $0 * deviation } ?? deviation
    return (self - mean.alongChannels(of: shape)).scaledPerChannel(by: scale, plus: bias)
  }
}

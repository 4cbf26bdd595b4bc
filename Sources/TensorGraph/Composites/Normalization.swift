extension Value {
  /// (x - mean) / √(variance + epsilon) over `axes`, each slice by its own mean and biased variance.
  public func normalized(over axes: [Int], epsilon: Double) -> Value {
    let centered = self - mean(axes: axes, keepsAxes: true)
    let variance = centered.squared().mean(axes: axes, keepsAxes: true)
    return centered * (variance + epsilon).rsqrt()
  }

  /// Layer normalisation over the last axes, as many as `weight` has (Ba et al. 2016, arXiv
  /// 1607.06450, equation 4). `weight` and `bias` have the shape of those axes.
  public func layerNorm(weight: Value, bias: Value, epsilon: Double = 1e-5) -> Value {
    let axes = Array(shape.rank - weight.shape.rank..<shape.rank)
    return normalized(over: axes, epsilon: epsilon) * weight + bias
  }

  /// Group normalisation of [N, C, ...]: each sample's channels are normalised in `groups` groups of
  /// C / groups (Wu and He 2018, arXiv 1803.08494, section 3). `weight` and `bias` are [C].
  public func groupNorm(
    groups: Int, weight: Value? = nil, bias: Value? = nil, epsilon: Double = 1e-5
  ) -> Value {
    precondition(
      shape.rank >= 2 && groups >= 1 && shape[1] % groups == 0,
      "the channels of \(shape) do not divide into \(groups) groups")
    let grouped = Shape([shape[0], groups, shape[1] / groups] + shape.dimensions.dropFirst(2))
    let normal = reshape(to: grouped)
      .normalized(over: Array(2..<grouped.rank), epsilon: epsilon).reshape(to: shape)
    return normal.scaledPerChannel(by: weight, plus: bias)
  }

  /// Instance normalisation of [N, C, ...]: each channel of each sample on its own. `weight` and
  /// `bias` are [C].
  public func instanceNorm(
    weight: Value? = nil, bias: Value? = nil, epsilon: Double = 1e-5
  ) -> Value {
    groupNorm(groups: shape[1], weight: weight, bias: bias, epsilon: epsilon)
  }

  /// `self` · weight + bias, with one [C] weight and bias for axis 1.
  func scaledPerChannel(by weight: Value?, plus bias: Value?) -> Value {
    var result = self
    if let weight { result = result * weight.alongChannels(of: shape) }
    if let bias { result = result + bias.alongChannels(of: shape) }
    return result
  }

  /// This [C] as [C, 1, ...], which broadcasts along axis 1 of `shape`.
  func alongChannels(of shape: Shape) -> Value {
    precondition(
      self.shape == [shape[1]], "\(self.shape) is not one value per channel of \(shape)")
    return reshape(to: Shape([shape[1]] + [Int](repeating: 1, count: shape.rank - 2)))
  }
}

// Where one operand of a convolution is vectorised, the new axis K joins a channel or batch axis of
// the same product; where both are, K more groups. Channels count group by group: axis G below.

extension VectorizationRules {
  func convolution(
    _ input: VectorizedValue, _ weight: VectorizedValue, _ convolution: Convolution
  ) -> Value {
    guard weight.isVectorized else {
      return unfold(fold(input.value).convolve(weight.value, convolution))
    }
    if input.isVectorized {
      let result = channelsFirst(input.value).convolve(
        fold(weight.value), convolution.repeated(count))
      return splitChannels(result)
    }
    let joined = joinWithinGroups(weight.value, axis: 1, convolution.groups)
    return splitWithinGroups(input.value.convolve(joined, convolution), convolution.groups)
  }

  func inputGradient(
    _ cotangent: VectorizedValue, _ weight: VectorizedValue, _ convolution: Convolution,
    _ size: Size2D
  ) -> Value {
    guard weight.isVectorized else {
      return unfold(
        fold(cotangent.value).convolutionInputGradient(weight.value, convolution, inputSize: size))
    }
    if cotangent.isVectorized {
      let result = channelsFirst(cotangent.value).convolutionInputGradient(
        fold(weight.value), convolution.repeated(count), inputSize: size)
      return splitChannels(result)
    }
    // [K, O, C / G, kH, kW] -> [O, K * C / G, kH, kW]
    let joined = channelsFirst(weight.value)
    let result = cotangent.value.convolutionInputGradient(joined, convolution, inputSize: size)
    return splitWithinGroups(result, convolution.groups)
  }

  func weightGradient(
    _ input: VectorizedValue, _ cotangent: VectorizedValue, _ convolution: Convolution,
    _ size: Size2D
  ) -> Value {
    if input.isVectorized, cotangent.isVectorized {
      let result = channelsFirst(input.value).convolutionWeightGradient(
        channelsFirst(cotangent.value), convolution.repeated(count), kernelSize: size)
      return unfold(result)
    }
    if input.isVectorized {
      let joined = joinWithinGroups(input.value, axis: 2, convolution.groups)
      let result = joined.convolutionWeightGradient(
        cotangent.value, convolution, kernelSize: size)
      return splitChannels(result)
    }
    let joined = joinWithinGroups(cotangent.value, axis: 2, convolution.groups)
    let result = input.value.convolutionWeightGradient(joined, convolution, kernelSize: size)
    let dimensions = result.shape.dimensions
    let groups = convolution.groups
    let split = result.reshape(
      to: Shape([groups, count, dimensions[0] / groups / count] + dimensions.dropFirst()))
    return split.transpose([1, 0, 2, 3, 4, 5])
      .reshape(to: Shape([count, dimensions[0] / count] + dimensions.dropFirst()))
  }

  /// [K, N, C, ...] -> [N, K * C, ...].
  private func channelsFirst(_ value: Value) -> Value {
    let dimensions = value.shape.dimensions
    return value.transpose([1, 0, 2, 3, 4])
      .reshape(to: Shape([dimensions[1], count * dimensions[2]] + dimensions.dropFirst(3)))
  }

  /// [N, K * C, ...] -> [K, N, C, ...].
  private func splitChannels(_ value: Value) -> Value {
    let dimensions = value.shape.dimensions
    return value.reshape(
      to: Shape([dimensions[0], count, dimensions[1] / count] + dimensions.dropFirst(2))
    ).transpose([1, 0, 2, 3, 4])
  }

  /// Joins K with the grouped axis `axis` of [K, ..., G * C, ...], inside each group: G, K, C.
  private func joinWithinGroups(_ value: Value, axis: Int, _ groups: Int) -> Value {
    let dimensions = value.shape.dimensions
    let before = Array(dimensions[1..<axis])
    let after = Array(dimensions[(axis + 1)...])
    let split = value.reshape(
      to: Shape([count] + before + [groups, dimensions[axis] / groups] + after))
    let beforeAxes = Array(1..<axis)
    let afterAxes = Array((axis + 2)..<split.shape.rank)
    return split.transpose(beforeAxes + [axis, 0, axis + 1] + afterAxes)
      .reshape(to: Shape(before + [count * dimensions[axis]] + after))
  }

  /// [N, G * K * C, H, W] -> [K, N, G * C, H, W].
  private func splitWithinGroups(_ value: Value, _ groups: Int) -> Value {
    let dimensions = value.shape.dimensions
    let channels = dimensions[1] / count
    return value.reshape(
      to: Shape([dimensions[0], groups, count, channels / groups] + dimensions.dropFirst(2))
    ).transpose([2, 0, 1, 3, 4, 5])
      .reshape(to: Shape([count, dimensions[0], channels] + dimensions.dropFirst(2)))
  }
}

extension Convolution {
  /// The same convolution with `count` times as many groups.
  fileprivate func repeated(_ count: Int) -> Convolution {
    Convolution(
      strides: strides, padding: padding, dilations: dilations, groups: groups * count)
  }
}

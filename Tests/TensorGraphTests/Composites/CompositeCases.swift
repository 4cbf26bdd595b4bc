import TensorGraph

/// The composite that each case of Fixtures/composites/pytorch.json was computed for.
struct CompositeCase: CustomStringConvertible, Sendable {
  let name: String
  let apply: @Sendable ([Value]) -> Value

  init(_ name: String, _ apply: @escaping @Sendable ([Value]) -> Value) {
    self.name = name
    self.apply = apply
  }

  var description: String { name }

  static let all = activations + softmaxes + normalizations + layers + poolings + losses

  static let activations = [
    CompositeCase("relu") { $0[0].relu() },
    CompositeCase("leaky_relu") { $0[0].leakyReLU(slope: 0.2) },
    CompositeCase("gelu") { $0[0].gelu() },
    CompositeCase("gelu_tanh") { $0[0].geluTanh() },
    CompositeCase("softplus") { $0[0].softplus() },
    CompositeCase("elu") { $0[0].elu(alpha: 1.5) },
    CompositeCase("silu") { $0[0].silu() },
  ]

  static let softmaxes = [
    CompositeCase("softmax") { $0[0].softmax() },
    CompositeCase("softmax_axis_0") { $0[0].softmax(axis: 0) },
    CompositeCase("log_softmax") { $0[0].logSoftmax() },
    CompositeCase("log_sum_exp") { $0[0].logSumExp() },
  ]

  static let normalizations = [
    CompositeCase("layer_norm") { $0[0].layerNorm(weight: $0[1], bias: $0[2]) },
    CompositeCase("batch_norm_evaluation") {
      $0[0].batchNorm(mean: $0[1], variance: $0[2], weight: $0[3], bias: $0[4], epsilon: 1e-3)
    },
    CompositeCase("batch_norm_training") {
      let (mean, variance) = $0[0].channelStatistics()
      return $0[0].batchNorm(mean: mean, variance: variance, weight: $0[1], bias: $0[2])
    },
    CompositeCase("group_norm") { $0[0].groupNorm(groups: 2, weight: $0[1], bias: $0[2]) },
    CompositeCase("instance_norm") { $0[0].instanceNorm(weight: $0[1], bias: $0[2]) },
  ]

  static let layers = [
    CompositeCase("linear") { $0[0].linear(weight: $0[1], bias: $0[2]) },
    CompositeCase("convolution_2d") {
      $0[0].convolution2D(
        weight: $0[1], bias: $0[2],
        Convolution(
          strides: Size2D(2, 1), padding: Padding2D(top: 1, bottom: 1, left: 2, right: 2),
          dilations: Size2D(1, 2), groups: 2))
    },
    CompositeCase("convolution_1d") {
      $0[0].convolution1D(
        weight: $0[1], bias: $0[2], stride: 2, padding: 3, dilation: 2, groups: 2)
    },
    CompositeCase("transposed_convolution_2d") {
      $0[0].transposedConvolution2D(
        weight: $0[1], bias: $0[2],
        Convolution(
          strides: Size2D(2, 3), padding: Padding2D(top: 1, bottom: 1, left: 0, right: 0),
          dilations: Size2D(2, 1), groups: 2),
        outputPadding: Size2D(1, 2))
    },
  ]

  private static let overlapping = Window(
    size: Size2D(2, 3), strides: Size2D(1, 2), padding: Padding2D(1))

  static let poolings = [
    CompositeCase("max_pool") { $0[0].maxPool(overlapping) },
    CompositeCase("average_pool") { $0[0].averagePool(overlapping) },
    CompositeCase("average_pool_inside") { $0[0].averagePool(overlapping, countsPadding: false) },
    CompositeCase("average_pool_tiles") {
      $0[0].averagePool(Window(size: Size2D(2, 5), strides: Size2D(2, 5)))
    },
    CompositeCase("average_pool_cut_off") {
      $0[0].averagePool(Window(size: Size2D(3, 3), strides: Size2D(3, 3)))
    },
    CompositeCase("global_average_pool") { $0[0].globalAveragePool() },
    CompositeCase("adaptive_average_pool") { $0[0].adaptiveAveragePool(to: Size2D(3, 4)) },
    CompositeCase("adaptive_average_pool_larger") { $0[0].adaptiveAveragePool(to: Size2D(7, 4)) },
  ]

  static let losses = [
    CompositeCase("cross_entropy_indices") {
      $0[0].crossEntropy(classIndices: $0[0].builder.labels(.i64))
    },
    CompositeCase("cross_entropy_indices_sum") {
      $0[0].crossEntropy(classIndices: $0[0].builder.labels(.i32), reduction: .sum)
    },
    CompositeCase("cross_entropy_probabilities") {
      $0[0].crossEntropy(probabilities: softLabels($0[0]))
    },
    CompositeCase("cross_entropy_probabilities_sum") {
      $0[0].crossEntropy(probabilities: $0[1], reduction: .sum)
    },
  ]

  private static func softLabels(_ logits: Value) -> Value {
    let index = logits.builder.iota([15], axis: 0, .f64).reshape(to: logits.shape)
    return (2 * (1.7 * index + (0.9 * 7 + 0.3)).sin()).softmax()
  }
}

extension GraphBuilder {
  /// The script's class indices 3, 0, 4, made without an input of their own.
  fileprivate func labels(_ dtype: DType) -> Value {
    let digits = [3.0, 0.0, 4.0].map { constant($0, .f64).reshape(to: [1]) }
    return Value.concatenate(digits, axis: 0).convert(to: dtype)
  }
}

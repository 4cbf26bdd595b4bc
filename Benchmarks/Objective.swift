import TensorGraph

/// The DLG objective of the paper's sigmoid LeNet on 32x32 images, with its gradient: the function that
/// attacks evaluate thousands of times. The same as `baseline_torch.py` computes.
struct LeNetObjective {
  let graph: Graph

  init(batch: Int, _ dtype: DType) {
    let builder = GraphBuilder()
    let convolutions: [(weight: Shape, stride: Int)] = [
      ([12, 3, 5, 5], 2), ([12, 12, 5, 5], 2), ([12, 12, 5, 5], 1),
    ]
    func fixed(_ name: String, _ shape: Shape) -> Value {
      builder.input(name, shape, dtype, role: .fixed)
    }
    let image = builder.input("x", [batch, 3, 32, 32], dtype)
    let label = builder.input("label", [batch, 100], dtype)
    var parameters: [Value] = []
    var hidden = image
    for (index, layer) in convolutions.enumerated() {
      let weight = fixed("weight\(index)", layer.weight)
      let bias = fixed("bias\(index)", [layer.weight[0]])
      parameters += [weight, bias]
      let attributes = Convolution(
        strides: Size2D(layer.stride, layer.stride), padding: Padding2D(2))
      hidden = hidden.convolve(weight, attributes)
      hidden = (hidden + bias.reshape(to: [1, layer.weight[0], 1, 1])).sigmoid()
    }
    let weight = fixed("fc", [100, 768])
    let bias = fixed("fcBias", [100])
    parameters += [weight, bias]
    let logits =
      hidden.reshape(to: [batch, 768]).matmul(weight, transposeB: true) + bias
    let loss = (-(label.softmax() * logits.logSoftmax()).sum(axes: [1])).mean()
    let gradients = loss.gradient(withRespectTo: parameters)
    var distance = builder.constant(0, dtype)
    for (index, gradient) in gradients.enumerated() {
      let target = fixed("target\(index)", gradient.shape)
      distance = distance + (gradient - target).squared().sum()
    }
    let result = distance.gradient(withRespectTo: [image, label])
    graph = builder.build(outputs: [distance] + result)
  }
}

extension Value {
  /// Softmax over the last axis.
  func softmax() -> Value {
    let exponentials = (self - max(axes: [-1], keepsAxes: true)).exp()
    return exponentials / exponentials.sum(axes: [-1], keepsAxes: true)
  }

  func logSoftmax() -> Value {
    let shifted = self - max(axes: [-1], keepsAxes: true)
    return shifted - shifted.exp().sum(axes: [-1], keepsAxes: true).log()
  }
}

import TensorGraph

/// The DLG objective of ResNet-18 (CIFAR stem, batch norm with running statistics), as
/// `baseline_torch.py` computes it.
struct ResNetObjective {
  let graph: Graph

  init(batch: Int, _ dtype: DType) {
    let builder = GraphBuilder()
    var parameters: [Value] = []
    func fixed(_ shape: Shape) -> Value {
      let value = builder.input("p\(parameters.count)", shape, dtype, role: .fixed)
      parameters.append(value)
      return value
    }
    func normalized(_ x: Value) -> Value {
      let channels = x.shape[1]
      let scale = fixed([channels]).reshape(to: [1, channels, 1, 1])
      let shift = fixed([channels]).reshape(to: [1, channels, 1, 1])
      return x * (0.999995 * scale) + shift
    }
    func convolution(_ x: Value, _ outputs: Int, kernel: Int, stride: Int) -> Value {
      x.convolve(
        fixed([outputs, x.shape[1], kernel, kernel]),
        Convolution(strides: Size2D(stride, stride), padding: Padding2D(kernel / 2)))
    }
    let image = builder.input("x", [batch, 3, 32, 32], dtype)
    let label = builder.input("label", [batch, 10], dtype)
    var x = normalized(convolution(image, 64, kernel: 3, stride: 1)).maximum(0)
    for (outputs, stride) in [
      (64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1),
    ] {
      let first = normalized(convolution(x, outputs, kernel: 3, stride: stride)).maximum(0)
      let second = normalized(convolution(first, outputs, kernel: 3, stride: 1))
      let shortcut =
        stride == 1 && x.shape[1] == outputs
        ? x : normalized(convolution(x, outputs, kernel: 1, stride: stride))
      x = (second + shortcut).maximum(0)
    }
    let logits = x.mean(axes: [2, 3]).matmul(fixed([10, 512]), transposeB: true) + fixed([10])
    let loss = (-(label.softmax() * logits.logSoftmax()).sum(axes: [1])).mean()
    let gradients = loss.gradient(withRespectTo: parameters)
    var distance = builder.constant(0, dtype)
    for (index, gradient) in gradients.enumerated() {
      let target = builder.input("target\(index)", gradient.shape, dtype, role: .fixed)
      distance = distance + (gradient - target).squared().sum()
    }
    graph = builder.build(
      outputs: [distance] + distance.gradient(withRespectTo: [image, label]))
  }
}

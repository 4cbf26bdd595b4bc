import TensorGraph

private func composite(
  _ name: String, _ operands: [OperandValues], highestOrder: Int = 3,
  tolerance: Tolerance = Tolerance(f32: 3e-5, f64: 1e-11),
  _ build: @escaping @Sendable ([Value]) -> Value
) -> OperatorRow {
  OperatorRow(
    name, operands, highestOrder: highestOrder, tolerance: tolerance, isPrimitive: false, build)
}

let compositeRows: [OperatorRow] = [
  composite("log softmax", [.distinct([3, 5])]) { $0[0].logSoftmax() },
  composite("cross entropy with soft labels", [.distinct([3, 5]), .uniform([3, 5])]) {
    $0[0].crossEntropy(probabilities: $0[1].softmax())
  },
  composite("cross entropy with hard labels", [.distinct([3, 5]), .integers([3, 1], in: 0...4)]) {
    $0[0].crossEntropy(classIndices: $0[1].reshape(to: [3]))
  },
  composite("max pooling", [.distinct([2, 2, 6, 6])], highestOrder: 2) {
    $0[0].maxPool(Window(size: Size2D(2, 2), strides: Size2D(2, 2))).squared()
  },
  composite("max pooling, overlapping and padded", [.distinct([1, 2, 5, 7])], highestOrder: 2) {
    $0[0].maxPool(
      Window(
        size: Size2D(3, 2), strides: Size2D(2, 3),
        padding: Padding2D(top: 1, bottom: 0, left: 0, right: 1))
    ).tanh()
  },
  composite("average pooling", [.uniform([2, 2, 6, 4])], highestOrder: 2) {
    $0[0].averagePool(Window(size: Size2D(2, 2), strides: Size2D(2, 2))).tanh()
  },
  composite("average pooling, overlapping and padded", [.uniform([1, 2, 5, 7])], highestOrder: 2) {
    $0[0].averagePool(
      Window(
        size: Size2D(3, 2), strides: Size2D(2, 3),
        padding: Padding2D(top: 1, bottom: 0, left: 0, right: 1))
    ).tanh()
  },
  composite("relu", [.signed([3, 4], magnitudes: 0.2...2)]) { $0[0].relu() },
  composite("leaky relu", [.signed([3, 4], magnitudes: 0.2...2)]) { $0[0].leakyReLU() },
  composite("gelu", [.uniform([3, 4])]) { $0[0].gelu() },
  composite("softplus", [.signed([3, 4], magnitudes: 0.2...3)]) { $0[0].softplus() },
  composite("mean of a broadcast", [.uniform([3])]) { ($0[0].broadcast(to: [4, 3]) + 1).mean() },
  composite("cosine distance", [.uniform([7]), .uniform([7])]) {
    let norms = ($0[0].squared().sum() * $0[1].squared().sum()).sqrt()
    return 1 - ($0[0] * $0[1]).sum() / norms
  },
  composite("total variation", [.distinct([1, 2, 4, 5])], highestOrder: 2) {
    let x = $0[0]
    let vertical = x.slice(axis: 2, 1..<4) - x.slice(axis: 2, 0..<3)
    let horizontal = x.slice(axis: 3, 1..<5) - x.slice(axis: 3, 0..<4)
    return (vertical.squared() + 1e-3).sqrt().sum() + horizontal.absolute().sum()
  },
  composite(
    "attention", [.uniform([2, 3, 4]), .uniform([2, 3, 4]), .uniform([2, 3, 4])], highestOrder: 2
  ) {
    ($0[0].matmul($0[1], transposeB: true) * 0.5).softmax().matmul($0[2])
  },
  composite(
    "gradient matching of a perceptron",
    [
      .uniform([2, 3]), .uniform([2, 4]), .uniform([3, 5], in: -1...1),
      .uniform([5, 4], in: -1...1),
    ],
    highestOrder: 2
  ) {
    let logits = $0[0].matmul($0[2]).sigmoid().matmul($0[3])
    let loss = logits.crossEntropy(probabilities: $0[1].softmax(), reduction: .sum)
    let gradients = loss.gradient(withRespectTo: [$0[2], $0[3]])
    return (gradients[0] - 0.1).squared().sum() + (gradients[1] + 0.2).squared().sum()
  },
  composite(
    "gradient matching of a convolution",
    [.uniform([1, 2, 5, 5]), .uniform([3, 2, 3, 3], in: -1...1)], highestOrder: 2
  ) {
    let features = $0[0].convolve(
      $0[1], Convolution(strides: Size2D(2, 2), padding: Padding2D(1))
    ).sigmoid()
    let gradient = features.squared().sum().gradient(withRespectTo: [$0[1]])[0]
    return (gradient - 0.1).squared().sum()
  },
]

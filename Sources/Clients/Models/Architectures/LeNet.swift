import TensorGraph

extension ModelCatalog {
  /// The LeNet of Zhu et al. 2019 (arXiv 1906.08935, section 4.1, and the authors' `LeNet` in
  /// github.com/mit-han-lab/dlg): three 5x5 convolutions, strides 2, 2 and 1, then one fully
  /// connected layer; every weight and bias uniform in ±0.5.
  static let leNet = Architecture(
    name: "lenet",
    summary: "the DLG paper's LeNet: three sigmoid convolutions and one fully connected layer",
    defaults: ModelConfiguration(
      inputShape: [3, 32, 32], classCount: 100, activation: .sigmoid, width: 12)
  ) { configuration, scope, images in
    let initial = Initializer.uniform(bound: 0.5)
    var x = images
    // The numbering of the authors' Sequential, where activations count too.
    for (index, stride) in [(0, 2), (2, 2), (4, 1)] {
      x = scope["body.\(index)"].convolution(
        x, to: configuration.width, kernel: 5, stride: stride, padding: 2, weight: initial,
        bias: initial)
      x = configuration.activation(x)
    }
    return scope["fc.0"].linear(
      x.flattenedPerSample(), to: configuration.classCount, weight: initial, bias: initial)
  }
}

extension Value {
  /// [N, ...] as [N, the product of the rest].
  package func flattenedPerSample() -> Value {
    reshape(to: [shape[0], shape.dimensions.dropFirst().reduce(1, *)])
  }
}

import TensorGraph

extension ModelCatalog {
  /// Fully connected layers of equal width, as the MLP of Geiping et al. 2020 (arXiv 2003.14053):
  /// `depth` hidden layers linear0, linear1, ..., then the layer that makes the logits.
  static let multilayerPerceptron = Architecture(
    name: "mlp",
    summary: "a multilayer perceptron: hidden layers of equal width",
    defaults: ModelConfiguration(
      inputShape: [3, 32, 32], classCount: 10, activation: .relu, width: 1024, depth: 3)
  ) { configuration, scope, images in
    let depth = configuration.depth ?? 3
    var x = images.flattenedPerSample()
    for layer in 0..<depth {
      x = configuration.activation(scope["linear\(layer)"].linear(x, to: configuration.width))
    }
    return scope["linear\(depth)"].linear(x, to: configuration.classCount)
  }
}

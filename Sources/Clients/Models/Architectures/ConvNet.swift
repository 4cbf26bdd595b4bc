import TensorGraph

extension ModelCatalog {
  /// The ConvNet of Geiping et al. 2020 (arXiv 2003.14053, and `ConvNet` in
  /// github.com/JonasGeiping/invertinggradients): eight 3x3 convolutions with batch normalisation,
  /// two poolings by 3, and one fully connected layer. The paper's width is 64.
  static let convNet = Architecture(
    name: "convnet",
    summary: "the Inverting Gradients paper's ConvNet: eight convolutions with batch norm",
    defaults: ModelConfiguration(
      inputShape: [3, 32, 32], classCount: 10, activation: .relu, width: 64, pooling: .max),
    requirement: { configuration in
      configuration.inputShape[1] >= 9 && configuration.inputShape[2] >= 9
        ? nil : "images of at least 9x9 pixels, to pool them by 3 twice"
    },
    forward: { configuration, scope, images in
      let root = scope["model"]
      let pooling = configuration.pooling ?? .max
      var x = images
      for (layer, multiple) in [1, 2, 2, 4, 4, 4, 4, 4].enumerated() {
        x = root["conv\(layer)"].convolution(
          x, to: multiple * configuration.width, kernel: 3, padding: 1)
        x = configuration.activation(root["bn\(layer)"].batchNorm(x))
        if layer == 5 || layer == 7 { x = pooling(x, size: 3) }
      }
      return root["linear"].linear(x.flattenedPerSample(), to: configuration.classCount)
    })
}

import TensorGraph

extension ModelCatalog {
  /// VGG-11 (Simonyan and Zisserman 2014, arXiv 1409.1556, table 1, column A) for small images: the
  /// `features` are torchvision's `vgg11`, in names and initialisers; instead of three fully
  /// connected layers of 4096 there is one, `classifier`, after a global average.
  static let vgg11 = Architecture(
    name: "vgg11",
    summary: "VGG-11 for 32x32 images, with one fully connected layer",
    defaults: ModelConfiguration(
      inputShape: [3, 32, 32], classCount: 10, activation: .relu, width: 64, pooling: .max),
    requirement: { configuration in
      configuration.inputShape[1] >= 32 && configuration.inputShape[2] >= 32
        ? nil : "images of at least 32x32 pixels, to halve them five times"
    },
    forward: { configuration, scope, images in
      let pooling = configuration.pooling ?? .max
      var x = images
      // The position in torchvision's Sequential, where activations and poolings count too.
      var position = 0
      for stage in [[1], [2], [4, 4], [8, 8], [8, 8]] {
        for multiple in stage {
          let channels = multiple * configuration.width
          x = scope["features.\(position)"].convolution(
            x, to: channels, kernel: 3, padding: 1, weight: .kaimingNormal(fan: channels * 9),
            bias: .zeros)
          x = configuration.activation(x)
          position += 2
        }
        x = pooling(x, size: 2)
        position += 1
      }
      return scope["classifier"].linear(
        x.globalAveragePool(), to: configuration.classCount,
        weight: .normal(standardDeviation: 0.01), bias: .zeros)
    })
}

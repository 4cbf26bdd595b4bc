import TensorGraph

extension ModelCatalog {
  /// A small U-Net (Ronneberger, Fischer and Brox 2015, arXiv 1505.04597, figure 1) with two levels of pooling and
  /// padded convolutions, so that each pixel of the image gets its logits.
  static let uNet = Architecture(
    name: "unet",
    summary: "segmentation: a U-Net of two levels, a class for each pixel",
    defaults: ModelConfiguration(
      inputShape: [3, 32, 32], classCount: 4, activation: .relu, width: 16, pooling: .max),
    labelsPixels: true,
    requirement: { configuration in
      configuration.inputShape[1] % 4 == 0 && configuration.inputShape[2] % 4 == 0
        ? nil : "a height and width that are multiples of 4, to halve them twice"
    },
    forward: { configuration, scope, images in
      let (width, pooling) = (configuration.width, configuration.pooling ?? .max)
      func block(_ name: String, _ input: Value, _ channels: Int) -> Value {
        // The numbering of a Sequential, where activations count too.
        [0, 2].reduce(input) { value, index in
          configuration.activation(
            scope["\(name).\(index)"].convolution(value, to: channels, kernel: 3, padding: 1))
        }
      }
      let first = block("encoder1", images, width)
      let second = block("encoder2", pooling(first, size: 2), 2 * width)
      var x = block("bottom", pooling(second, size: 2), 4 * width)
      for (level, skip, channels) in [(2, second, 2 * width), (1, first, width)] {
        let raised = scope["up\(level)"].doublingConvolution(x, to: channels)
        x = block("decoder\(level)", Value.concatenate([skip, raised], axis: 1), channels)
      }
      return scope["head"].convolution(x, to: configuration.classCount, kernel: 1)
        .transpose([0, 2, 3, 1])
    })
}

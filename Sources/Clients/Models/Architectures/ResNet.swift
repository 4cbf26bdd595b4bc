import TensorGraph

extension ModelCatalog {
  /// ResNet-18 (He et al. 2015, arXiv 1512.03385, table 1) with torchvision's names and
  /// initialisers, and the stem for small images: a 3x3 convolution and no pooling.
  static let resNet18 = resNet(
    "resnet18", "ResNet-18 with the stem for 32x32 images", blocks: [2, 2, 2, 2])

  /// ResNet-34, as ``resNet18``.
  static let resNet34 = resNet(
    "resnet34", "ResNet-34 with the stem for 32x32 images", blocks: [3, 4, 6, 3])

  /// The ResNet-20 for CIFAR-10 (He et al. 2015, section 4.2): three stages of three blocks, 16, 32
  /// and 64 channels, shortcuts without parameters (the paper's option A). Named as torchvision
  /// names its ResNets.
  static let resNet20 = smallResNet("resnet20", layers: 20)

  /// ResNet-56, as ``resNet20`` with nine blocks in each stage.
  static let resNet56 = smallResNet("resnet56", layers: 56)

  private static func smallResNet(_ name: String, layers: Int) -> Architecture {
    Architecture(
      name: name, summary: "the ResNet paper's \(layers)-layer network for CIFAR-10",
      defaults: ModelConfiguration(
        inputShape: [3, 32, 32], classCount: 10, activation: .relu, width: 16)
    ) { configuration, scope, images in
      let blocks = (layers - 2) / 6
      return residualNetwork(
        configuration, scope, images, blocks: [blocks, blocks, blocks],
        shortcut: subsampledShortcut)
    }
  }

  private static func resNet(
    _ name: String, _ summary: String, blocks: [Int]
  ) -> Architecture {
    Architecture(
      name: name, summary: summary,
      defaults: ModelConfiguration(
        inputShape: [3, 32, 32], classCount: 10, activation: .relu, width: 64)
    ) { configuration, scope, images in
      residualNetwork(
        configuration, scope, images, blocks: blocks, shortcut: projectedShortcut)
    }
  }
}

/// Maps a block's input to the shape of its output: (scope of the block, input, channels, stride).
private typealias Shortcut = @Sendable (ForwardScope, Value, Int, Int) -> Value

private func residualNetwork(
  _ configuration: ModelConfiguration, _ scope: ForwardScope, _ images: Value, blocks: [Int],
  shortcut: Shortcut
) -> Value {
  let activation = configuration.activation
  var x = scope["conv1"].residualConvolution(images, to: configuration.width, kernel: 3)
  x = activation(scope["bn1"].batchNorm(x))
  for (stage, count) in blocks.enumerated() {
    for block in 0..<count {
      x = residualBlock(
        scope["layer\(stage + 1).\(block)"], x, to: configuration.width << stage,
        stride: stage > 0 && block == 0 ? 2 : 1, activation, shortcut)
    }
  }
  return scope["fc"].linear(x.globalAveragePool(), to: configuration.classCount)
}

/// Two 3x3 convolutions around which the input passes (He et al. 2015, figure 5, left).
private func residualBlock(
  _ scope: ForwardScope, _ input: Value, to channels: Int, stride: Int,
  _ activation: Activation, _ shortcut: Shortcut
) -> Value {
  var x = scope["conv1"].residualConvolution(input, to: channels, kernel: 3, stride: stride)
  x = activation(scope["bn1"].batchNorm(x))
  x = scope["conv2"].residualConvolution(x, to: channels, kernel: 3)
  x = scope["bn2"].batchNorm(x)
  let isSameShape = stride == 1 && channels == input.shape[1]
  return activation(x + (isSameShape ? input : shortcut(scope, input, channels, stride)))
}

/// Option B: a 1x1 convolution.
private let projectedShortcut: Shortcut = { scope, input, channels, stride in
  let projected = scope["downsample.0"].residualConvolution(
    input, to: channels, kernel: 1, stride: stride)
  return scope["downsample.1"].batchNorm(projected)
}

/// Option A: every other pixel, and zeros for the new channels, half before and half after.
private let subsampledShortcut: Shortcut = { _, input, channels, stride in
  let subsampled = input.slice(
    starts: [0, 0, 0, 0], limits: input.shape.dimensions, strides: [1, 1, stride, stride])
  let added = channels - input.shape[1]
  return subsampled.pad(low: [0, added / 2, 0, 0], high: [0, added - added / 2, 0, 0])
}

extension ForwardScope {
  /// A convolution that keeps the image's extent but for its stride, without bias, drawn as
  /// torchvision draws its ResNets: Kaiming normal by fan-out.
  fileprivate func residualConvolution(
    _ input: Value, to channels: Int, kernel: Int, stride: Int = 1
  ) -> Value {
    convolution(
      input, to: channels, kernel: kernel, stride: stride, padding: kernel / 2, hasBias: false,
      weight: .kaimingNormal(fan: channels * kernel * kernel))
  }
}

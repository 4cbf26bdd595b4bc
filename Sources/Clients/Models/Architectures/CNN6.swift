import TensorGraph

extension ModelCatalog {
  /// The CNN6 of R-GAP (Zhu & Blaschko 2021, arXiv 2010.07733, and `CNN6` in the authors' repository):
  /// six convolutions without bias, leaky ReLU with slope 0.2, one logit without bias.
  ///
  /// Its logistic loss is the cross entropy of the two logits (0, f), which is how it appears here: class
  /// 0 is the paper's y = -1, class 1 is y = +1.
  static let cnn6 = Architecture(
    name: "cnn6",
    summary: "R-GAP's CNN6: six convolutions without bias, leaky ReLU 0.2, two classes",
    defaults: ModelConfiguration(
      inputShape: [3, 32, 32], classCount: 2, activation: .leakyReLU, width: 12),
    requirement: { configuration in
      if configuration.classCount != 2 { return "2 classes: its loss is the logistic one" }
      return configuration.activation == .leakyReLU
        ? nil : "its own activation, leaky ReLU with slope 0.2"
    },
    forward: { configuration, scope, images in
      let unit = configuration.width
      var x = images
      // (channels, kernel, stride, padding); 12, 36, 36, 36, 64 and 128 channels at the usual width.
      let layers = [
        (unit, 4, 2, 2), (3 * unit, 3, 2, 1), (3 * unit, 3, 1, 1), (3 * unit, 3, 1, 1),
        (16 * unit / 3, 3, 2, 1), (32 * unit / 3, 3, 1, 1),
      ]
      for (index, layer) in layers.enumerated() {
        x = scope["body.\(index).layer"].convolution(
          x, to: layer.0, kernel: layer.1, stride: layer.2, padding: layer.3, hasBias: false
        ).leakyReLU(slope: 0.2)
      }
      let logit = scope["body.6.layer"].linear(x.flattenedPerSample(), to: 1, hasBias: false)
      return Value.concatenate([logit.filled(with: 0), logit], axis: 1)
    })
}

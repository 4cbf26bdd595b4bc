import TensorGraph

extension ModelCatalog {
  /// A small convolutional classifier of signals: three one-dimensional convolutions, strides 2, 2 and 1, then one fully connected
  /// layer, as `torch.nn.Conv1d` and `torch.nn.Linear` start.
  static let cnn1D = Architecture(
    name: "cnn1d",
    summary: "signals: three one-dimensional convolutions and one fully connected layer",
    defaults: ModelConfiguration(
      inputShape: [1, 1, 256], classCount: 5, activation: .relu, width: 16),
    requirement: { configuration in
      configuration.inputShape[1] == 1
        ? nil : "signals [channels, 1, samples]"
    }
  ) { configuration, scope, signals in
    var x = signals
    // The numbering of a Sequential, where activations count too.
    for (index, kernel, stride, factor) in [(0, 7, 2, 1), (2, 5, 2, 2), (4, 3, 1, 2)] {
      x = scope["body.\(index)"].convolution1D(
        x, to: configuration.width * factor, kernel: kernel, stride: stride,
        padding: kernel / 2)
      x = configuration.activation(x)
    }
    return scope["fc"].linear(x.flattenedPerSample(), to: configuration.classCount)
  }
}

import TensorGraph

/// A tensor that a model reads besides its input: a trained parameter, or a buffer such as running
/// statistics.
public struct ParameterSpec: Hashable, Sendable {
  /// Name in a PyTorch `state_dict`, such as `layer1.0.conv1.weight`.
  public let name: String
  /// Its extents, as PyTorch has them.
  public let shape: Shape
  /// What it is before training.
  public let initializer: Initializer

  /// A parameter or buffer.
  public init(_ name: String, _ shape: Shape, _ initializer: Initializer) {
    self.name = name
    self.shape = shape
    self.initializer = initializer
  }
}

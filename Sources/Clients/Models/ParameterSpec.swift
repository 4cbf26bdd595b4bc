import TensorGraph

/// A tensor that a model reads besides its input: a trained parameter, or a buffer such as running
/// statistics.
public struct ParameterSpec: Hashable, Sendable {
  /// Name in a PyTorch `state_dict`, such as `layer1.0.conv1.weight`.
  public let name: String
  public let shape: Shape
  public let initializer: Initializer

  public init(_ name: String, _ shape: Shape, _ initializer: Initializer) {
    self.name = name
    self.shape = shape
    self.initializer = initializer
  }
}

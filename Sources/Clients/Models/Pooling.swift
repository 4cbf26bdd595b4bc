import TensorGraph

/// How a model shrinks its feature maps; raw values are the names used on the command line.
public enum Pooling: String, Hashable, Sendable, CaseIterable, Codable {
  case max
  /// Smooth, where the derivatives of a maximum jump.
  case average

  /// Pools [N, C, H, W] in tiles of `size` x `size`: [N, C, H / size, W / size], rounded down.
  func callAsFunction(_ value: Value, size: Int) -> Value {
    let window = Window(size: Size2D(size, size), strides: Size2D(size, size))
    switch self {
    case .max: return value.maxPool(window)
    case .average: return value.averagePool(window)
    }
  }
}

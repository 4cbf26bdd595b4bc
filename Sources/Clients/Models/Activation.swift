import TensorGraph

/// The nonlinearity of a model; raw values are the names used on the command line.
public enum Activation: String, Hashable, Sendable, CaseIterable, Codable {
  case relu
  /// Slope 0.01 below 0.
  case leakyReLU = "leaky_relu"
  case sigmoid
  case tanh
  /// The exact form, through erf.
  case gelu
  case elu
  case silu
  case softplus

  /// The activation of `value`, element by element.
  public func callAsFunction(_ value: Value) -> Value {
    switch self {
    case .relu: value.relu()
    case .leakyReLU: value.leakyReLU()
    case .sigmoid: value.sigmoid()
    case .tanh: value.tanh()
    case .gelu: value.gelu()
    case .elu: value.elu()
    case .silu: value.silu()
    case .softplus: value.softplus()
    }
  }
}

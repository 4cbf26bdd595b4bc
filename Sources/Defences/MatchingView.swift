import Clients
import TensorGraph

/// How gradients are seen before they are compared: what an attacker who knows the client's defence
/// does to the dummy's gradient. The shared update must be brought into the same form.
public struct MatchingView: Hashable, Sendable {
  /// What is known of the shared update's size.
  public enum Scale: String, Hashable, Sendable, Codable {
    /// It is the gradient's.
    case kept
    /// All tensors were multiplied by one unknown number: their directions are compared together, by
    /// |a/|a| - b/|b||² = 2 - 2 cos(a, b).
    case lostTogether
    /// Each tensor was multiplied by an unknown number of its own.
    case lostPerTensor
  }

  /// Whether each element is multiplied by a weight, which is an input of the graph.
  public var isWeighted: Bool
  /// What of an update's size tells something.
  public var scale: Scale

  /// The whole gradient, every element alike, by default.
  public init(isWeighted: Bool = false, scale: Scale = .kept) {
    self.isWeighted = isWeighted
    self.scale = scale
  }

  /// Gradients as they are.
  public static let plain = MatchingView()

  var isPlain: Bool { self == .plain }

  /// Declares the weights of these parameters' gradients as fixed inputs; none without weights.
  package func weightInputs(
    _ builder: GraphBuilder, _ parameters: [ParameterSpec], _ dtype: DType
  ) -> [Value] {
    guard isWeighted else { return [] }
    return parameters.map {
      builder.input($0.name + ".weight in matching", $0.shape, dtype, role: .fixed)
    }
  }

  /// The gradients in this view.
  package func seen(_ gradients: [Value], weights: [Value]) -> [Value] {
    let weighted = isWeighted ? zip(gradients, weights).map { $0 * $1 } : gradients
    switch scale {
    case .kept:
      return weighted
    case .lostTogether:
      let squares = weighted.map { $0.squared().sum() }
      let norm = MatchingView.norm(squares.dropFirst().reduce(squares[0], +))
      return weighted.map { $0 / norm }
    case .lostPerTensor:
      return weighted.map { $0 / MatchingView.norm($0.squared().sum()) }
    }
  }

  /// √(s + tiny): a tensor of zeros has a derivative too.
  private static func norm(_ squaredNorm: Value) -> Value {
    (squaredNorm + 1e-30).sqrt()
  }
}

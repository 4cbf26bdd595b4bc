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
  /// Whether intervals are known of elements, not values: numbers within theirs are taken for what was sent. The loss of
  /// an element is then the square of how far it is outside, one-sided where nothing bounds it on the other side.
  public var hasIntervals: Bool
  /// What of an update's size tells something.
  public var scale: Scale

  /// The whole gradient, every element alike, by default.
  public init(isWeighted: Bool = false, hasIntervals: Bool = false, scale: Scale = .kept) {
    self.isWeighted = isWeighted
    self.hasIntervals = hasIntervals
    self.scale = scale
  }

  /// Gradients as they are.
  public static let plain = MatchingView()

  var isPlain: Bool { self == .plain }

  /// What a view takes besides the gradients: fixed inputs of a graph.
  package struct Inputs {
    /// A weight for each element of each parameter; empty without weights.
    let weights: [Value]
    /// What was sent, and how far below and above it the true number may be; empty without intervals.
    let intervals: [(sent: Value, below: Value, above: Value)]

    /// In the order of ``CounterAttack/viewed(_:of:isWeighted:)``.
    package var handles: [ValueHandle] {
      weights.map(\.handle)
        + intervals.flatMap { [$0.sent.handle, $0.below.handle, $0.above.handle] }
    }
  }

  /// Declares what the view takes for the gradients of these parameters.
  package func inputs(
    _ builder: GraphBuilder, _ parameters: [ParameterSpec], _ dtype: DType
  ) -> Inputs {
    func declared(_ what: String, of spec: ParameterSpec) -> Value {
      builder.input(spec.name + "." + what, spec.shape, dtype, role: .fixed)
    }
    return Inputs(
      weights: isWeighted ? parameters.map { declared("weight in matching", of: $0) } : [],
      intervals: hasIntervals
        ? parameters.map {
          (
            declared("sent", of: $0), declared("slack below", of: $0),
            declared("slack above", of: $0)
          )
        } : [])
  }

  /// The gradients in this view.
  package func seen(_ gradients: [Value], _ inputs: Inputs) -> [Value] {
    var weighted = isWeighted ? zip(gradients, inputs.weights).map { $0 * $1 } : gradients
    if hasIntervals {
      // Exact where there is no slack: nothing is taken off then.
      weighted = zip(weighted, inputs.intervals).map { gradient, interval in
        gradient - (gradient - interval.sent).maximum(interval.below).minimum(interval.above)
      }
    }
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

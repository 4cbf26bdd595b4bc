import Solvers
import TensorGraph

/// What someone who never saw the gradient would guess: a reconstruction leaks something only
/// when it is better than these.
package enum BaselineGuess: String, Hashable, Sendable, CaseIterable, Codable {
  /// Every pixel drawn uniformly from 0..<1. Expected MSE: the original's mean squared distance
  /// from 1/2, plus 1/12.
  case random
  /// Every pixel 1/2, the constant that is best when nothing is known of the image.
  case midGrey

  /// A guess for an image of the given shape.
  package func image(_ type: TensorType, using source: inout RandomSource) -> Tensor {
    switch self {
    case .random: source.uniformTensor(type.shape, type.dtype)
    case .midGrey: Tensor(type.shape, type.dtype, repeating: 0.5)
    }
  }

  /// How well the guess does against `original`.
  package func quality(
    against original: Tensor, using source: inout RandomSource
  ) -> ReconstructionQuality {
    ReconstructionQuality(of: image(original.type, using: &source), original: original)
  }
}

import TensorGraph

/// How the labels of a batch of N images in K classes are given.
public enum LabelForm: String, Hashable, Sendable, CaseIterable {
  /// Class indices [N], i32.
  case classIndices
  /// Probabilities [N, K]: one-hot rows for hard labels.
  case probabilities
  /// Logits [N, K] whose softmax are the probabilities: the dummy label that DLG optimises.
  case logits

  /// The type of the labels of `batchSize` images for a model that computes in `dtype`.
  ///
  /// - Parameter positions: of each example where it has a label each, as tokens have; [] for one.
  public func type(
    batchSize: Int, positions: Shape, classCount: Int, dtype: DType
  ) -> TensorType {
    let labels = [batchSize] + positions.dimensions
    return switch self {
    case .classIndices: TensorType(Shape(labels), .i32)
    case .probabilities, .logits: TensorType(Shape(labels + [classCount]), dtype)
    }
  }
}

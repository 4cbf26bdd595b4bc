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
  public func type(batchSize: Int, classCount: Int, dtype: DType) -> TensorType {
    switch self {
    case .classIndices: TensorType([batchSize], .i32)
    case .probabilities, .logits: TensorType([batchSize, classCount], dtype)
    }
  }

  /// The mean cross entropy of `logits` with `labels` of this form.
  func crossEntropy(of logits: Value, with labels: Value) -> Value {
    switch self {
    case .classIndices: logits.crossEntropy(classIndices: labels)
    case .probabilities: logits.crossEntropy(probabilities: labels)
    case .logits: logits.crossEntropy(probabilities: labels.softmax())
    }
  }
}

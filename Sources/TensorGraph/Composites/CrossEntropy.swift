/// How the losses of a batch become one number.
public enum LossReduction: String, Codable, Hashable, Sendable, CaseIterable {
  case mean
  case sum
}

extension Value {
  /// Cross entropy of these logits [N, K] with class indices [N] (i32 or i64): the scalar
  /// -Σ log softmax(logits)[n, index n], divided by N for the mean.
  public func crossEntropy(classIndices: Value, reduction: LossReduction = .mean) -> Value {
    precondition(
      shape.rank == 2 && classIndices.shape == [shape[0]],
      "class indices \(classIndices.shape) do not fit logits \(shape)")
    return crossEntropy(
      probabilities: classIndices.oneHot(classCount: shape[1], dtype), reduction: reduction)
  }

  /// Cross entropy of these logits [N, K] with label probabilities [N, K]: the scalar
  /// -Σ probabilities · log softmax(logits), divided by N for the mean.
  public func crossEntropy(probabilities: Value, reduction: LossReduction = .mean) -> Value {
    precondition(
      shape.rank == 2 && probabilities.type == type,
      "label probabilities \(probabilities.type) do not fit logits \(type)")
    let total = -(probabilities * logSoftmax(axis: 1)).sum()
    switch reduction {
    case .mean: return total / Double(Swift.max(shape[0], 1))
    case .sum: return total
    }
  }
}

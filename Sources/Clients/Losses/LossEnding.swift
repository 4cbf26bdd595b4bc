import TensorGraph

/// A function that a client's model ends in, before its loss: `CrossEntropyLoss` of a softmax's values
/// is another loss than that of logits.
public enum LossEnding: String, Hashable, Sendable, CaseIterable {
  case softmax
  case sigmoid
  case logSoftmax = "log-softmax"

  /// The function's values of logits [N, K].
  func values(of logits: Value) -> Value {
    switch self {
    case .softmax: logits.softmax(axis: 1)
    case .sigmoid: logits.sigmoid()
    case .logSoftmax: logits.logSoftmax(axis: 1)
    }
  }

  /// The function's values of one example's logits.
  package func values(of logits: [Double]) -> [Double] {
    switch self {
    case .softmax: return Clients.softmax(logits)
    case .sigmoid: return logits.map { Clients.sigmoid($0) }
    case .logSoftmax:
      let largest = logits.max() ?? 0
      let total = logits.reduce(0) { $0 + exponential($1 - largest) }
      return logits.map { $0 - largest - logarithm(total) }
    }
  }

  /// The derivative for the logits, given that for the function's values.
  func pullback(_ cotangent: [Double], logits: [Double]) -> [Double] {
    switch self {
    case .softmax:
      let values = values(of: logits)
      let mean = zip(values, cotangent).reduce(0) { $0 + $1.0 * $1.1 }
      return zip(values, cotangent).map { $0 * ($1 - mean) }
    case .sigmoid:
      return zip(values(of: logits), cotangent).map { $0 * (1 - $0) * $1 }
    case .logSoftmax:
      let total = cotangent.reduce(0, +)
      return zip(LossEnding.softmax.values(of: logits), cotangent).map { $1 - $0 * total }
    }
  }
}

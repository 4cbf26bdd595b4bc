import TensorGraph

/// What a classifier of texts is trained by; raw values are those of `problem_type` in `config.json`, and the
/// losses those that `transformers` computes for them.
package enum TextLoss: String, Hashable, Sendable, CaseIterable {
  /// A class for each text: mean cross entropy.
  case crossEntropy = "single_label_classification"
  /// A number for each logit: mean squared error over all logits of the batch.
  case regression
  /// 0 or 1, or a share, for each logit: mean binary cross entropy over all logits of the batch.
  case multiLabel = "multi_label_classification"

  /// What `transformers` takes for a classifier of `classes` logits whose `config.json` says nothing.
  package static func usual(classes: Int) -> TextLoss { classes == 1 ? .regression : .crossEntropy }

  /// Whether a text's label is a number for each logit instead of a class.
  var comparesNumbers: Bool { self != .crossEntropy }
}

extension TextModel {
  /// The loss that the client minimises.
  ///
  /// - Parameter labels: of the type ``labelType(batchSize:length:_:)``; negative class indices count as no
  ///   label.
  func loss(_ logits: Value, labels: Value) -> Value {
    let rows = labelledLogits(logits)
    switch effectiveLoss {
    case .crossEntropy:
      // The mean over labelled rows.
      let total = rows.crossEntropy(classIndices: labels, reduction: .sum)
      let count = labels.less(than: labels.filled(with: 0)).logicalNot().convert(to: logits.dtype)
      return total / count.sum().maximum(1)
    case .regression:
      return (rows - labels).squared().mean()
    case .multiLabel:
      // log(1 + eˣ) - xy, without overflow for large x.
      let softened = (rows.absolute() * -1).exp().log1p()
      return (rows.maximum(0) - rows * labels + softened).mean()
    }
  }

  /// The loss of the model's head: language models have no other than cross entropy.
  package var effectiveLoss: TextLoss {
    if case .classification = configuration.head { return configuration.loss }
    return .crossEntropy
  }

  /// The type of labels in graphs: class indices [rows], or numbers [N, K].
  func labelType(batchSize: Int, length: Int, _ dtype: DType) -> TensorType {
    effectiveLoss.comparesNumbers
      ? TensorType([batchSize, labelClasses], dtype)
      : TensorType([labelCount(batchSize: batchSize, length: length)], .i32)
  }
}

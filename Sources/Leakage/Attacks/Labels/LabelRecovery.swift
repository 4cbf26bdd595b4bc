import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads labels off a gradient without any search.
public enum LabelRecovery {
  /// The label of a single example, by iDLG's rule (Zhao et al. 2020, arXiv 2001.02610, section 3):
  /// the cross entropy's gradient for logit i is pᵢ - 1[i = y], negative for the true class alone.
  ///
  /// It is read off the last layer's bias, whose gradient that is; without a bias off the weight, whose
  /// row i is that number times the features h. There the true class has the longest row, since
  /// 1 - pᵧ is the sum of all other pᵢ; with two classes both rows are of one length, and the one with
  /// the smaller sum is taken, as the paper does, which presumes features that are mostly positive.
  ///
  /// - Throws: ``AttackError`` when the model does not end in a fully connected layer, or the batch
  ///   holds more than one example.
  public static func singleLabel(
    of update: SharedUpdate, model: Model
  ) throws(AttackError) -> Int {
    guard update.batchSize == 1 else {
      throw AttackError(
        "iDLG reads the label of one example, and this update comes from \(update.batchSize); "
          + "use --attack dlg, which seeks the labels together with the images")
    }
    guard let classifier = model.classifier else {
      throw AttackError(
        "iDLG reads labels off a fully connected last layer, which \(model.name) lacks; "
          + "use --attack dlg")
    }
    if let bias = classifier.bias {
      let gradient = update.gradients[bias].doubles
      return gradient.indices.min { gradient[$0] < gradient[$1] } ?? 0
    }
    return labelFromRows(of: update.gradients[classifier.weight])
  }

  /// The true class from a classifier's weight gradient [K, F].
  private static func labelFromRows(of gradient: Tensor) -> Int {
    let (classes, features) = (gradient.shape[0], gradient.shape[1])
    let elements = gradient.doubles
    let scores = (0..<classes).map { row in
      let row = elements[row * features..<(row + 1) * features]
      return classes > 2 ? -row.reduce(0) { $0 + $1 * $1 } : row.reduce(0, +)
    }
    return scores.indices.min { scores[$0] < scores[$1] } ?? 0
  }
}

extension LabelRecovery {
  /// The labels of a batch, repeated ones as often as they occur, in ascending order; nil where the
  /// last layer is not fully connected with a bias.
  ///
  /// Examples are taken out one at a time. The class whose bias gradient is most negative is a label;
  /// its row of the weight's gradient, divided by its bias's, is the (weighted mean) feature vector of
  /// the examples so labelled; the model's own last layer turns that into their probabilities, whose
  /// gradient is then subtracted. With one example this is iDLG's rule and the linear layer's leak
  /// (Geiping et al. 2020, Proposition 3.1) together.
  public static func batchLabels(of update: SharedUpdate, _ weighted: WeightedModel) -> [Int]? {
    guard let classifier = weighted.model.classifier, let bias = classifier.bias else { return nil }
    let weight = weighted.parameters[classifier.weight].doubles
    let offsets = weighted.parameters[bias].doubles
    var rows = update.gradients[classifier.weight].doubles
    var sums = update.gradients[bias].doubles
    let classes = sums.count
    let features = rows.count / classes
    let share = 1 / Double(update.batchSize)
    var labels: [Int] = []
    for _ in 0..<update.batchSize {
      guard let label = sums.indices.min(by: { sums[$0] < sums[$1] }), sums[label] < 0 else {
        return nil
      }
      labels.append(label)
      let feature = (0..<features).map { rows[label * features + $0] / sums[label] }
      let logits = (0..<classes).map { row in
        (0..<features).reduce(offsets[row]) { $0 + weight[row * features + $1] * feature[$1] }
      }
      var cotangent = softmax(logits)
      cotangent[label] -= 1
      for row in 0..<classes {
        sums[row] -= share * cotangent[row]
        for column in 0..<features {
          rows[row * features + column] -= share * cotangent[row] * feature[column]
        }
      }
    }
    return labels.sorted()
  }

  private static func softmax(_ logits: [Double]) -> [Double] {
    let largest = logits.max() ?? 0
    let exponentials = logits.map { exp($0 - largest) }
    let total = exponentials.reduce(0, +)
    return exponentials.map { $0 / total }
  }
}

import TensorGraph

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

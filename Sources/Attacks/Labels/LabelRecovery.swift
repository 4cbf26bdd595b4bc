import Clients
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
  /// - Throws: ``AttackError`` when the model does not end in a fully connected layer, its gradient was
  ///   not shared, the loss shows no label by sign, or the batch holds more than one example.
  public static func singleLabel(
    of update: SharedUpdate, model: Model
  ) throws(AttackError) -> Int {
    guard update.batchSize == 1 else {
      throw AttackError(
        "iDLG reads the label of one example, and this update comes from \(update.batchSize); "
          + "use the attack dlg, which seeks the labels together with the examples")
    }
    guard let gradient = ClassifierGradient(update, model) else {
      throw AttackError(
        "iDLG reads labels off a fully connected last layer, which \(model.name) lacks; "
          + "use the attack dlg")
    }
    guard update.loss.showsLabelBySign else {
      throw AttackError(
        "iDLG reads the label by a sign that the gradient of the \(update.loss) does not have; "
          + "use the attack auto, or give the labels")
    }
    // Every step leaves the sign as it is, unless weights decay by a term of the gradient.
    if let training = update.training, !training.rule.keepsSigns {
      try update.requireOneGradient("iDLG")
    }
    // One output's label is whether the target is above its sigmoid.
    if gradient.classCount == 1, let sum = gradient.sums?[0] ?? gradient.rows?.reduce(0, +) {
      return sum < 0 ? 1 : 0
    }
    if let sums = gradient.sums {
      return sums.indices.min { sums[$0] < sums[$1] } ?? 0
    }
    guard let rows = gradient.rows else {
      throw AttackError(
        "iDLG reads labels off the last layer's gradient, which was not shared; use the attack dlg, "
          + "or give the labels")
    }
    if update.training?.rule.movesAlongGradients == false {
      guard gradient.classCount > 2 else {
        throw AttackError(
          "iDLG reads labels of two classes off the last layer's bias, and there is none; use the attack "
            + "dlg, or give the labels")
      }
      return labelFromSigns(rows, classes: gradient.classCount)
    }
    return labelFromRows(rows, classes: gradient.classCount)
  }

  /// The true class from a classifier's weight gradient [K, F].
  private static func labelFromRows(_ elements: [Double], classes: Int) -> Int {
    let features = elements.count / classes
    let scores = (0..<classes).map { row in
      let row = elements[row * features..<(row + 1) * features]
      return classes > 2 ? -row.reduce(0) { $0 + $1 * $1 } : row.reduce(0, +)
    }
    return scores.indices.min { scores[$0] < scores[$1] } ?? 0
  }

  /// The same where each number was divided by its own size: the row of the true class has the signs that all
  /// other rows have not.
  private static func labelFromSigns(_ elements: [Double], classes: Int) -> Int {
    let features = elements.count / classes
    var sums = [Double](repeating: 0, count: features)
    for (index, element) in elements.enumerated() { sums[index % features] += element }
    let scores = (0..<classes).map { row in
      (0..<features).reduce(0) { $0 + elements[row * features + $1] * sums[$1] }
    }
    return scores.indices.min { scores[$0] < scores[$1] } ?? 0
  }

  /// The label of a single example under any loss: with both gradients of the last layer its input is
  /// known (Geiping et al. 2020, Proposition 3.1), thus the logits, and of all labels one gives the
  /// gradient that was shared. Nil where that layer tells nothing.
  public static func singleLabel(of update: SharedUpdate, _ weighted: WeightedModel) -> Int? {
    if let label = try? singleLabel(of: update, model: weighted.model) { return label }
    guard update.batchSize == 1, update.training == nil,
      let gradient = ClassifierGradient(update, weighted.model),
      let sums = gradient.sums, let features = gradient.features,
      let logits = weighted.logits(of: features)
    else { return nil }
    return update.loss.likeliestLabel(sums, logits: logits)
  }
}

extension LabelRecovery {
  /// The labels of a batch, repeated ones as often as they occur, in ascending order; nil where the
  /// last layer is not fully connected with a bias, its gradient was not shared, the loss shows no
  /// label by sign, or several local steps are behind the update.
  ///
  /// Examples are taken out one at a time. The class whose bias gradient is most negative is a label;
  /// its row of the weight's gradient, divided by its bias's, is the (weighted mean) feature vector of
  /// the examples so labelled; the model's own last layer turns that into their probabilities, whose
  /// gradient is then subtracted. With one example this is iDLG's rule and the linear layer's leak
  /// (Geiping et al. 2020, Proposition 3.1) together.
  public static func batchLabels(of update: SharedUpdate, _ weighted: WeightedModel) -> [Int]? {
    takingOutExamples(of: update, weighted, loss: update.loss)?.labels
  }

  /// A batch as the last layer's gradient tells it in a first approximation.
  struct TakenOutExamples {
    /// Ascending.
    let labels: [Int]
    /// Of each example, in the labels' order: what the last layer reads, or a mean over examples of
    /// one label.
    let features: [[Double]]
    /// The norm of what is left of the bias's gradient when all examples are taken out, relative to
    /// what it was: small when the labels and the loss's scale are right.
    let remainder: Double
  }

  /// The examples that ``batchLabels(of:_:)`` takes out one at a time; nil as there.
  static func takingOutExamples(
    of update: SharedUpdate, _ weighted: WeightedModel, loss: ClientLoss
  ) -> TakenOutExamples? {
    guard loss.showsLabelBySign, update.training == nil,
      var gradient = ClassifierGradient(update, weighted.model),
      let whole = gradient.sums,
      // One number does not tell how many examples are of each of two labels.
      gradient.classCount > 1
    else { return nil }
    var examples: [(label: Int, features: [Double])] = []
    for _ in 0..<update.batchSize {
      guard let sums = gradient.sums, let rows = gradient.rows,
        let label = sums.indices.min(by: { sums[$0] < sums[$1] }), sums[label] < 0
      else { return nil }
      let start = label * gradient.featureCount
      let features = (start..<start + gradient.featureCount).map { rows[$0] / sums[label] }
      guard let logits = weighted.logits(of: features),
        let cotangent = loss.cotangent(logits, label: label, batchSize: update.batchSize)
      else { return nil }
      gradient.subtract(cotangent: cotangent, features: features)
      examples.append((label, features))
    }
    func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    examples.sort { $0.label < $1.label }
    return TakenOutExamples(
      labels: examples.map(\.label), features: examples.map(\.features),
      remainder: norm(gradient.sums ?? []) / max(norm(whole), .leastNormalMagnitude))
  }
}

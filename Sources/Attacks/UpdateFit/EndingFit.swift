import Clients
import TensorGraph

extension UpdateFile {
  /// Finds out whether the client applied its loss to the values of the function that its model ends in
  /// (`CrossEntropyLoss` of a softmax) or to what goes into it: the last layer's gradient of a single
  /// example fits one of both.
  ///
  /// - Parameter ending: of the model's file; nil for none.
  /// - Returns: what the user should know; nil when the update stays as it was read.
  package mutating func chooseEnding(_ ending: LossEnding?, _ weighted: WeightedModel) -> String? {
    guard let ending, let layer = update.lastLayer(of: weighted) else { return nil }
    guard update.loss.ending == nil, update.loss.targets == nil else {
      update = update.reckoningCancellation(layer.cotangent, logits: layer.logits)
      return nil
    }
    let kept = update.loss.after(ending)
    guard (try? kept.check(classCount: weighted.model.classCount)) != nil,
      let own = update.loss.remainder(layer.cotangent, logits: layer.logits),
      let other = kept.remainder(layer.cotangent, logits: layer.logits),
      other <= UpdateFile.endingTolerance, own > 4 * max(other, 1e-4)
    else { return nil }
    update = update.with(loss: kept)
      .reckoningCancellation(layer.cotangent, logits: layer.logits)
    return
      "The last layer's gradient is that of a \(update.loss): the client applied its loss to the "
      + "\(ending.rawValue)'s values, and so does the attack."
  }

  /// Relative deviations up to this are taken for rounding.
  private static let endingTolerance = 0.02
}

extension SharedUpdate {
  /// The same update with the rounding of a derivative through a softmax or sigmoid reckoned with: its
  /// terms may cancel by orders of magnitude, and what is left carries the rounding of the terms, in every
  /// tensor alike.
  fileprivate func reckoningCancellation(_ cotangent: [Double], logits: [Double]) -> SharedUpdate {
    guard let ending = loss.ending else { return self }
    let values = ending.values(of: logits)
    // A derivative of a mean or sum of cross entropies or squares is of the order of its largest terms.
    let mean = zip(values, loss.innerMagnitudes(logits)).reduce(0) { $0 + abs($1.0) * $1.1 }
    let terms = zip(values, loss.innerMagnitudes(logits)).map { abs($0) * ($1 + mean) }
    let cancelled = terms.reduce(0) { $0 + $1 * $1 }
    let left = cotangent.reduce(0) { $0 + $1 * $1 }
    guard left > 0, cancelled > left else { return self }
    let rounding = relativeRounding * SharedUpdate.softmaxRoundings * cancelled / left
    return with(loss: loss, relativeRounding: max(relativeRounding, min(rounding, 1e-6)))
  }

  /// Squared roundings that a softmax, its sums and exponentials come to; measured against PyTorch: 14.
  private static let softmaxRoundings = 64.0
}

extension ClientLoss {
  /// Of what order the derivative for each value is that the loss takes, whatever the label.
  fileprivate func innerMagnitudes(_ logits: [Double]) -> [Double] {
    let values = ending?.values(of: logits) ?? logits
    let share = kind == .crossEntropy ? 1 : 1 / Double(values.count)
    return switch kind {
    case .crossEntropy: softmax(values).map { $0 * scale * share }
    case .meanSquaredError: values.map { 2 * abs($0) * scale * share }
    case .binaryCrossEntropy: values.map { _ in scale * share }
    }
  }

  /// What the best label and a factor leave of a single example's derivative, relative to its norm; nil
  /// when it is 0 or not known.
  func remainder(_ cotangent: [Double], logits: [Double]) -> Double? {
    let norm = cotangent.reduce(0) { $0 + $1 * $1 }
    guard norm > 0 else { return nil }
    var best: Double?
    for label in 0..<labelCount(classCount: logits.count) {
      guard let candidate = self.cotangent(logits, label: label, batchSize: 1) else { return nil }
      let square = candidate.reduce(0) { $0 + $1 * $1 }
      let product = zip(candidate, cotangent).reduce(0) { $0 + $1.0 * $1.1 }
      guard square > 0, product > 0 else { continue }
      let left = max(0, 1 - product / square * (product / norm)).squareRoot()
      best = min(best ?? .infinity, left)
    }
    return best
  }
}

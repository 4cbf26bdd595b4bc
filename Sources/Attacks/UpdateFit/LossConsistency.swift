import Clients
import ModelIO
import TensorGraph

/// Whether a shared gradient can be that of the loss it is said to be of. A wrong reduction, factor, sign or
/// kind is a silent mistake: the attack then seeks a batch that does not exist.
package enum LossConsistency {
  /// What speaks against the update's loss, with the likely remedy; nil when nothing does, or the last
  /// layer's gradient, which tells, was not shared, or several local steps are behind the update.
  package static func objection(
    to update: SharedUpdate, _ weighted: WeightedModel
  ) -> Sentence? {
    misfit(of: update, weighted)?.sentence
  }

  /// The same with what is wrong.
  ///
  /// For one example the last layer's input, thus the logits, follow from its gradient whatever the
  /// scale (Geiping et al. 2020, Proposition 3.1), and the bias's gradient divided by what the loss
  /// gives there is the scale itself. For a batch there are bounds: under a mean cross entropy the
  /// absolute values of that gradient sum to 2 at most, and under any they sum to 0 with their signs.
  package static func misfit(of update: SharedUpdate, _ weighted: WeightedModel) -> UpdateMisfit? {
    guard (try? update.loss.check(classCount: weighted.model.classCount)) != nil,
      let gradient = ClassifierGradient(update, weighted.model), let sums = gradient.sums,
      sums.contains(where: { $0 != 0 })
    else { return nil }
    if let decay = weightDecay(update, weighted, gradient) { return decay }
    guard update.training == nil else { return reversedSteps(update, sums) }
    if update.batchSize == 1, let features = gradient.features,
      let logits = weighted.logits(of: features)
    {
      // Sets of classes and numbers, which are told by the same gradient, whatever labels were given.
      let read = LabelRecovery.readingTargets(
        off: update.with(loss: update.loss.with(targets: nil)), weighted)
      if update.loss.targets != nil || read.loss.targets != nil,
        let own = fit(read.loss, sums, logits), own.isClose, own.isPlain
      {
        return nil
      }
      return misfitOfOne(update, sums, logits)
    }
    return misfitOfBatch(update, weighted, sums)
  }

  /// Relative deviations up to this are taken for rounding or noise.
  static let tolerance = 0.02

  // MARK: - One example

  private struct Fit {
    let loss: ClientLoss
    /// Negative where the sign is reversed.
    let scale: Double
    /// Norm of what the best label and scale leave, relative to the gradient's.
    let remainder: Double

    var isClose: Bool { remainder <= tolerance }
    var isPlain: Bool { abs(scale - 1) <= tolerance }
  }

  /// The best label's fit with a scale of the given sign.
  private static func fit(
    _ loss: ClientLoss, _ sums: [Double], _ logits: [Double], sign: Double = 1
  ) -> Fit? {
    let norm = sums.reduce(0) { $0 + $1 * $1 }
    var best: Fit?
    for label in 0..<loss.labelCount(classCount: logits.count) {
      guard let cotangent = loss.cotangent(logits, label: label, batchSize: 1) else { return nil }
      let square = cotangent.reduce(0) { $0 + $1 * $1 }
      let product = zip(cotangent, sums).reduce(0) { $0 + $1.0 * $1.1 }
      guard square > 0, product * sign > 0 else { continue }
      // The angle between the two tells how much a factor cannot explain.
      let remainder = max(0, 1 - product / square * (product / norm)).squareRoot()
      if remainder < best?.remainder ?? .infinity {
        best = Fit(loss: loss, scale: product / square, remainder: remainder)
      }
    }
    return best
  }

  private static func misfitOfOne(
    _ update: SharedUpdate, _ sums: [Double], _ logits: [Double]
  ) -> UpdateMisfit? {
    let loss = update.loss
    guard let own = fit(loss, sums, logits) ?? fit(loss, sums, logits, sign: -1) else { return nil }
    if own.isClose, own.isPlain { return nil }
    let reversed = fit(loss, sums, logits, sign: -1).flatMap { $0.isClose ? $0 : nil }
    // With two classes a reversed sign looks like the other label and a factor.
    if let reversed, !own.isClose || abs(reversed.scale + 1) <= tolerance || own.scale < 0 {
      return misfitOfSign(reversed.scale, update)
    }
    if own.isClose { return misfitOfFactor(own.scale, update) }
    let others = ClientLoss.Kind.allCases.filter { $0 != loss.kind }.compactMap { kind in
      (try? ClientLoss(kind)).flatMap { fit($0, sums, logits) }
    }
    if let other = others.min(by: { $0.remainder < $1.remainder }), other.isClose {
      return UpdateMisfit(
        .loss,
        """
        The last layer's gradient is not that of the \(loss), but fits a \(other.loss.noun): \
        use \(.loss, other.loss.kind.rawValue).
        """)
    }
    return UpdateMisfit(
      .other,
      """
      No label, factor or sign gives the last layer's gradient under the \(loss): the client's weights \
      were others than the model's, its loss was another (\(.loss), \(.labelSmoothing)), its batch was \
      larger (\(.batchSize)), several steps are behind it (\(.epochs)), or the gradient was changed.
      """)
  }

  // MARK: - Factor and sign

  private static func misfitOfFactor(_ scale: Double, _ update: SharedUpdate) -> UpdateMisfit {
    let loss = update.loss
    let found = "The last layer's gradient is \(rounded(scale)) times that of the \(loss): "
    if case .difference(let rate) = update.origin {
      return UpdateMisfit(
        .factor,
        """
        \(found)use \(.learningRate, rounded(scale * rate)), or \
        \(.lossScale, rounded(scale * loss.scale)).
        """, value: scale)
    }
    return UpdateMisfit(.factor, "\(found)\(remedy(for: scale, loss))", value: scale)
  }

  private static func remedy(for scale: Double, _ loss: ClientLoss) -> Sentence {
    let usual: Sentence = "use \(.lossScale, rounded(scale * loss.scale))"
    if scale >= 256, scale.significand < 1 + tolerance || scale.significand > 2 - 2 * tolerance {
      return "\(usual) (a power of two: mixed precision scales losses up; save gradients unscaled)."
    }
    return scale < 1
      ? "\(usual) (a factor on the loss, gradient accumulation, averaging over workers or clipping)."
      : "\(usual) (a factor on the loss, or another reduction)."
  }

  /// - Parameter scale: below 0.
  private static func misfitOfSign(_ scale: Double, _ update: SharedUpdate) -> UpdateMisfit {
    let found =
      "The last layer's gradient is that of the \(update.loss) with the reversed sign, times "
      + "\(rounded(-scale)): "
    if case .difference(let rate) = update.origin {
      let factor = -scale * rate
      return abs(factor - 1) <= tolerance
        ? UpdateMisfit(
          .gradient,
          "\(found)the file holds the gradient itself; leave \(.updateKind, "difference") out.",
          value: factor)
        : UpdateMisfit(
          .reversedSign,
          """
          \(found)the file holds the weights before minus those after; subtract the other way round, or \
          use \(.updateKind, "gradient") \(.lossScale, rounded(factor * update.loss.scale)).
          """, value: factor)
    }
    let remedy: Sentence =
      "use \(.updateKind, "difference") \(.learningRate, rounded(-scale))."
    return -scale < 0.5
      ? UpdateMisfit(
        .difference, "\(found)a difference of weights (after minus before) has it; \(remedy)",
        value: -scale)
      : UpdateMisfit(
        .reversedSign,
        "\(found)the file holds a step of descent; negate it, or \(remedy)", value: scale)
  }

  private static func reversedBatch(_ update: SharedUpdate) -> UpdateMisfit {
    let found =
      "The last layer's gradient has more classes below 0 than \(update.batchSize) examples can have "
      + "labels, and would fit with the reversed sign: "
    if case .difference = update.origin {
      return UpdateMisfit(
        .reversedSign,
        """
        \(found)subtract the weights the other way round, or leave \(.updateKind, "difference") out if this \
        is a gradient.
        """)
    }
    return UpdateMisfit(
      .difference,
      """
      \(found)if it is a difference of weights, say so with \(.updateKind, "difference") and the client's \
      \(.learningRate); if not, negate it.
      """)
  }

  /// Local steps with the sign reversed: under a cross entropy only labels have a negative sum.
  private static func reversedSteps(_ update: SharedUpdate, _ sums: [Double]) -> UpdateMisfit? {
    guard update.loss.showsLabelBySign, update.loss.labelSmoothing == 0,
      update.training?.rule.keepsSigns == true, hasReversedSigns(sums, update.batchSize)
    else { return nil }
    return UpdateMisfit(
      .reversedSign,
      """
      \(sums.count { $0 < 0 }) classes have a negative sum in the last layer's update, and \
      \(update.batchSize) examples have \(update.batchSize) labels at most; with the reversed sign it \
      would fit: share the weights after training minus those before.
      """)
  }

  private static func hasReversedSigns(_ sums: [Double], _ batchSize: Int) -> Bool {
    let level = 1e-3 * (sums.map(abs).max() ?? 0)
    return sums.count { $0 < -level } > batchSize && sums.count { $0 > level } <= batchSize
  }

  // MARK: - Weight decay

  /// Under a cross entropy each column of the last layer's gradient sums to 0 over the classes, as the
  /// probabilities and the labels both sum to 1. What weights that decay add does not.
  private static func weightDecay(
    _ update: SharedUpdate, _ weighted: WeightedModel, _ gradient: ClassifierGradient
  ) -> UpdateMisfit? {
    guard update.loss.kind == .crossEntropy, update.training?.rule.movesAlongGradients ?? true,
      let classifier = weighted.model.classifier, let rows = gradient.rows
    else { return nil }
    func columnSums(_ elements: [Double]) -> [Double] {
      var sums = [Double](repeating: 0, count: gradient.featureCount)
      for (index, element) in elements.enumerated() {
        sums[index % gradient.featureCount] += element
      }
      return sums
    }
    func product(_ a: [Double], _ b: [Double]) -> Double {
      zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let found = columnSums(rows)
    let weights = columnSums(
      classifier.rows(
        of: weighted.parameters[classifier.weight], classCount: gradient.classCount))
    let (square, whole) = (product(weights, weights), product(rows, rows))
    let rest = product(found, found)
    // Rounding sums up over the classes.
    let floor = max(1e-10, 64 * update.relativeRounding) * Double(gradient.classCount)
    guard square > 0, rest > floor * whole, rest > 0 else { return nil }
    let decay = product(found, weights) / square
    let alignment = product(found, weights) / (square * rest).squareRoot()
    guard abs(alignment) > 0.99, abs(decay) < 0.5 else { return nil }
    let remedy: Sentence =
      decay > 0
      ? "say so with \(.weightDecay, rounded(decay)), or share the update without it."
      : "the sign is reversed, or the update was changed."
    return UpdateMisfit(
      .weightDecay,
      """
      The last layer's update holds \(rounded(abs(decay))) times the weights themselves, which no gradient \
      of a \(update.loss) does: the client's weights decay; \(remedy)
      """, value: decay)
  }

  // MARK: - Batch

  private static func misfitOfBatch(
    _ update: SharedUpdate, _ weighted: WeightedModel, _ sums: [Double]
  ) -> UpdateMisfit? {
    let loss = update.loss
    guard loss.kind == .crossEntropy else { return nil }
    let absolute = sums.reduce(0) { $0 + abs($1) }
    guard abs(sums.reduce(0, +)) <= tolerance * absolute else {
      return UpdateMisfit(
        .loss,
        """
        The last bias's gradient does not sum to 0, as that of every cross entropy after a \
        softmax does; if the client used another loss, name it with \(.loss, "bce") or \
        \(.loss, "mse"); if not, these numbers are no gradient of this model.
        """)
    }
    guard loss.classWeights == nil else { return nil }
    if loss.labelSmoothing == 0, hasReversedSigns(sums, update.batchSize) {
      return reversedBatch(update)
    }
    let examples = Double(update.batchSize)
    let bound = 2 * loss.scale * (loss.reduction == .sum ? examples : 1)
    if absolute > bound * (1 + tolerance) {
      let size =
        "The last bias's gradient has the absolute sum \(rounded(absolute)), and that of a "
        + "\(loss) over \(update.batchSize) examples is \(rounded(bound)) at most: "
      return loss.reduction == .mean && absolute <= 2 * loss.scale * examples * (1 + tolerance)
        ? UpdateMisfit(
          .reduction, "\(size)use \(.reduction, "sum") if the client summed.")
        : UpdateMisfit(
          .factor,
          """
          \(size)use \(.lossScale, rounded(absolute / bound)) or more, or a larger \(.batchSize).
          """, value: absolute / bound)
    }
    let other = loss.reduced(by: loss.reduction == .mean ? .sum : .mean)
    guard let own = LabelRecovery.takingOutExamples(of: update, weighted, loss: loss),
      let rival = LabelRecovery.takingOutExamples(of: update, weighted, loss: other),
      rival.remainder < 0.1, own.remainder > 4 * rival.remainder
    else { return nil }
    return UpdateMisfit(
      .reduction,
      """
      Taking \(update.batchSize) examples out of the last layer's gradient leaves \
      \(percent(own.remainder)) of it under the \(loss), and \(percent(rival.remainder)) under the \
      \(other): use \(.reduction, other.reduction.rawValue).
      """)
  }

  private static func percent(_ share: Double) -> String {
    "\(Int((share * 100).rounded())) %"
  }

  /// Three significant digits, without an exponent.
  static func rounded(_ value: Double) -> String {
    guard value > 0, value.isFinite else { return "\(value)" }
    var unit = 1.0
    while value / unit >= 1000 { unit *= 10 }
    while value / unit < 100, unit > 1e-12 { unit /= 10 }
    let digits = (value / unit).rounded()
    let number = unit >= 1 ? digits * unit : digits / (1 / unit).rounded()
    guard number == number.rounded(), number < 1e15 else {
      return number > 1e-300 ? "\(number)" : "\(value)"
    }
    return "\(Int(number))"
  }
}

extension ClientLoss {
  fileprivate var noun: String {
    switch kind {
    case .crossEntropy: "cross entropy"
    case .meanSquaredError: "squared error"
    case .binaryCrossEntropy: "binary cross entropy"
    }
  }
}

import TensorGraph

/// Whether a shared gradient can be that of the loss it is said to be of. A wrong reduction or factor is
/// a silent mistake: the attack then seeks a batch that does not exist.
public enum LossConsistency {
  /// What speaks against the update's loss, with the likely remedy; nil when nothing does, or the last
  /// layer's gradient, which tells, was not shared, or several local steps are behind the update.
  ///
  /// For one example the last layer's input, thus the logits, follow from its gradient whatever the
  /// scale (Geiping et al. 2020, Proposition 3.1), and the bias's gradient divided by what the loss
  /// gives there is the scale itself. For a batch there are bounds: under a mean cross entropy the
  /// absolute values of that gradient sum to 2 at most, and under any they sum to 0 with their signs.
  public static func objection(to update: SharedUpdate, _ weighted: WeightedModel) -> String? {
    guard update.training == nil,
      (try? update.loss.check(classCount: weighted.model.classCount)) != nil,
      let gradient = ClassifierGradient(update, weighted.model), let sums = gradient.sums,
      sums.contains(where: { $0 != 0 })
    else { return nil }
    if update.batchSize == 1, let features = gradient.features,
      let logits = weighted.logits(of: features)
    {
      return objectionToOne(update.loss, sums, logits)
    }
    return objectionToBatch(update, weighted, sums)
  }

  /// Relative deviations up to this are taken for rounding or noise.
  private static let tolerance = 0.02

  // MARK: - One example

  private struct Fit {
    let scale: Double
    /// Norm of what the best label and scale leave, relative to the gradient's.
    let remainder: Double
  }

  private static func fit(_ loss: ClientLoss, _ sums: [Double], _ logits: [Double]) -> Fit? {
    let norm = sums.reduce(0) { $0 + $1 * $1 }
    var best: Fit?
    for label in 0..<loss.labelCount(classCount: logits.count) {
      guard let cotangent = loss.cotangent(logits, label: label, batchSize: 1) else { return nil }
      let square = cotangent.reduce(0) { $0 + $1 * $1 }
      let product = zip(cotangent, sums).reduce(0) { $0 + $1.0 * $1.1 }
      guard square > 0, product > 0 else { continue }
      // The angle between the two tells how much a factor cannot explain.
      let remainder = max(0, 1 - product / square * (product / norm)).squareRoot()
      if remainder < best?.remainder ?? .infinity {
        best = Fit(scale: product / square, remainder: remainder)
      }
    }
    return best
  }

  private static func objectionToOne(
    _ loss: ClientLoss, _ sums: [Double], _ logits: [Double]
  ) -> String? {
    guard let own = fit(loss, sums, logits) else { return nil }
    if own.remainder <= tolerance {
      guard abs(own.scale - 1) > tolerance else { return nil }
      return "The last layer's gradient is \(rounded(own.scale)) times that of the \(loss): "
        + remedy(for: own.scale, loss)
    }
    let others = ClientLoss.Kind.allCases.filter { $0 != loss.kind }.compactMap { kind in
      (try? ClientLoss(kind)).flatMap { other in fit(other, sums, logits).map { (other, $0) } }
    }
    if let (other, _) = others.min(by: { $0.1.remainder < $1.1.remainder }),
      fit(other, sums, logits).map({ $0.remainder <= tolerance }) == true
    {
      return "The last layer's gradient is not that of the \(loss), but fits a \(other.noun): "
        + "use --loss \(other.kind.rawValue)."
    }
    return "No label gives the last layer's gradient under the \(loss): the client's weights were "
      + "others than the model's, its loss was another (--loss, --label-smoothing), or the gradient "
      + "was changed."
  }

  private static func remedy(for scale: Double, _ loss: ClientLoss) -> String {
    let whole = rounded(scale * loss.scale)
    let usual = "use --loss-scale \(whole)"
    if scale >= 256, scale.significand < 1 + tolerance || scale.significand > 2 - 2 * tolerance {
      return usual + " (a power of two: mixed precision scales losses up; save gradients unscaled)."
    }
    return scale < 1
      ? usual
        + " (a factor on the loss, gradient accumulation, averaging over workers or clipping)."
      : usual + " (a factor on the loss, or another reduction)."
  }

  // MARK: - Batch

  private static func objectionToBatch(
    _ update: SharedUpdate, _ weighted: WeightedModel, _ sums: [Double]
  ) -> String? {
    let loss = update.loss
    guard loss.kind == .crossEntropy else { return nil }
    let absolute = sums.reduce(0) { $0 + abs($1) }
    guard abs(sums.reduce(0, +)) <= tolerance * absolute else {
      return "The last bias's gradient does not sum to 0, as that of every cross entropy after a "
        + "softmax does; if the client used another loss, name it with --loss bce or --loss mse."
    }
    guard loss.classWeights == nil else { return nil }
    let examples = Double(update.batchSize)
    let bound = 2 * loss.scale * (loss.reduction == .sum ? examples : 1)
    if absolute > bound * (1 + tolerance) {
      let size =
        "The last bias's gradient has the absolute sum \(rounded(absolute)), and that of a "
        + "\(loss) over \(update.batchSize) examples is \(rounded(bound)) at most: "
      return loss.reduction == .mean && absolute <= 2 * loss.scale * examples * (1 + tolerance)
        ? size + "use --reduction sum if the client summed."
        : size + "use --loss-scale \(rounded(absolute / bound)) or more, or a larger --batch-size."
    }
    let other = loss.reduced(by: loss.reduction == .mean ? .sum : .mean)
    guard let own = LabelRecovery.takingOutExamples(of: update, weighted, loss: loss),
      let rival = LabelRecovery.takingOutExamples(of: update, weighted, loss: other),
      rival.remainder < 0.1, own.remainder > 4 * rival.remainder
    else { return nil }
    return "Taking \(update.batchSize) examples out of the last layer's gradient leaves "
      + "\(percent(own.remainder)) of it under the \(loss), and \(percent(rival.remainder)) under the "
      + "\(other): use --reduction \(other.reduction.rawValue)."
  }

  private static func percent(_ share: Double) -> String {
    "\(Int((share * 100).rounded())) %"
  }

  /// Three significant digits, without an exponent.
  private static func rounded(_ value: Double) -> String {
    guard value > 0, value.isFinite else { return "\(value)" }
    var unit = 1.0
    while value / unit >= 1000 { unit *= 10 }
    while value / unit < 100, unit > 1e-12 { unit /= 10 }
    let digits = (value / unit).rounded()
    let number = unit >= 1 ? digits * unit : digits / (1 / unit).rounded()
    return number == number.rounded() && number < 1e15 ? "\(Int(number))" : "\(number)"
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

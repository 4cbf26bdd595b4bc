import ModelIO
import TensorGraph

/// The loss that a client's gradient is of. Which it was, and how it was reduced, decides the
/// gradient's scale, so an attack must use the same.
///
/// The formulas are PyTorch's `cross_entropy`, `mse_loss` and `binary_cross_entropy_with_logits`. The
/// last two compare logits with targets: one-hot labels; for a model with one output the label itself,
/// 0 or 1; or the rows of ``targets``.
public struct ClientLoss: Hashable, Sendable {
  /// Raw values are the names on the command line.
  public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
    case crossEntropy = "cross-entropy"
    case meanSquaredError = "mse"
    /// Of the logits' sigmoids: `BCEWithLogitsLoss`.
    case binaryCrossEntropy = "bce"
  }

  /// Which loss.
  public let kind: Kind
  /// Mean over examples (and positions) for cross entropy, over all elements for the others.
  public let reduction: LossReduction
  /// The share of the target that is spread evenly over all classes, 0 ..< 1.
  public let labelSmoothing: Double
  /// One weight above 0 for each class; a mean is divided by the weights of its labels.
  public let classWeights: [Double]?
  /// A factor on the whole loss, such as 0.5; above 0.
  public let scale: Double
  /// What the client's model does with its logits before the loss sees them; nil for nothing.
  public private(set) var ending: LossEnding?
  /// What labels stand for, where they are no classes; nil for classes.
  public private(set) var targets: TargetTable?

  /// The mean cross entropy, what most classifiers are trained with.
  public static let meanCrossEntropy = ClientLoss()

  private init() {
    kind = .crossEntropy
    reduction = .mean
    labelSmoothing = 0
    classWeights = nil
    scale = 1
  }

  /// - Throws: ``AttackError`` when a number is out of range, or smoothing or weights are given with
  ///   another loss than cross entropy.
  public init(
    _ kind: Kind, reduction: LossReduction = .mean, labelSmoothing: Double = 0,
    classWeights: [Double]? = nil, scale: Double = 1
  ) throws(AttackError) {
    guard (0..<1).contains(labelSmoothing) else {
      throw AttackError(
        "the label smoothing is \(labelSmoothing); give a number from 0 to below 1", .badInput)
    }
    guard scale > 0, scale.isFinite else {
      throw AttackError("the loss's scale is \(scale); give a number above 0", .badInput)
    }
    if let wrong = classWeights?.first(where: { !($0 > 0 && $0.isFinite) }) {
      throw AttackError("a class weight is \(wrong); give numbers above 0", .badInput)
    }
    guard kind == .crossEntropy || (labelSmoothing == 0 && classWeights == nil) else {
      throw AttackError(
        "label smoothing and class weights go with cross entropy, not \(kind.rawValue)", .badInput)
    }
    self.kind = kind
    self.reduction = reduction
    self.labelSmoothing = labelSmoothing
    self.classWeights = classWeights
    self.scale = scale
  }

  /// - Throws: ``AttackError`` when the class weights are not one for each of `classCount` classes, targets
  ///   have another number of outputs or go with another loss, or the loss is constant: a softmax of one
  ///   logit is 1 whatever the model.
  public func check(classCount: Int) throws(AttackError) {
    if let classWeights, classWeights.count != classCount {
      throw AttackError(
        "\(classWeights.count) class weights for \(classCount) classes; give one for each",
        .badInput)
    }
    if classCount == 1, kind == .crossEntropy || ending == .softmax || ending == .logSoftmax {
      throw AttackError(
        advising: """
          the model has one logit, whose softmax is 1 whatever the weights: its cross entropy is constant \
          and the gradient exactly 0; name the loss that the client trained with, \(.loss, "bce") for two \
          classes or \(.loss, "mse") for a number
          """, .badInput)
    }
    guard let targets else { return }
    guard kind != .crossEntropy else {
      throw AttackError(
        advising: """
          sets of classes and numbers are no labels of a cross entropy; use \(.loss, "bce") for several \
          classes at once, or \(.loss, "mse") for numbers
          """, .badInput)
    }
    guard targets.rows[0].count == classCount else {
      throw AttackError(
        "targets of \(targets.rows[0].count) numbers for a model with \(classCount) outputs; give one "
          + "for each", .badInput)
    }
  }

  /// How many labels there are for a model with `classCount` outputs: its classes; both targets of one
  /// output; or the rows of ``targets``.
  public func labelCount(classCount: Int) -> Int {
    if let targets { return targets.rows.count }
    return hasNumericLabel(classCount) ? 2 : classCount
  }

  /// Whether a label is the target itself.
  private func hasNumericLabel(_ classCount: Int) -> Bool {
    classCount == 1 && kind != .crossEntropy && targets == nil
  }

  /// The numbers that an example's outputs are compared with.
  package func target(of label: Int, classCount: Int) -> [Double] {
    if let targets { return targets.rows[min(max(label, 0), targets.rows.count - 1)] }
    if hasNumericLabel(classCount) { return [Double(label)] }
    return (0..<classCount).map { $0 == label ? 1 : 0 }
  }

  /// Free numbers of the form ``LabelForm/logits`` whose targets are those of a label, or next to them.
  package func farScores(of label: Int, classCount: Int) -> [Double] {
    let target = target(of: label, classCount: classCount)
    guard hasNumericLabel(classCount) else { return target.map { $0 * 1000 } }
    return kind == .binaryCrossEntropy ? target.map { $0 > 0.5 ? 1000 : -1000 } : target
  }

  /// A label for people: a class number, or what ``targets`` has in its place.
  public func name(of label: Int) -> String { targets?.name(of: label) ?? String(label) }

  /// The same loss of a model that ends in a function.
  public func after(_ ending: LossEnding?) -> ClientLoss {
    var result = self
    result.ending = ending
    return result
  }

  /// The same loss with labels that stand for targets.
  public func with(targets: TargetTable?) -> ClientLoss {
    var result = self
    result.targets = targets
    return result
  }

  /// The same with another reduction.
  package func reduced(by reduction: LossReduction) -> ClientLoss {
    var result = ClientLoss(copying: self, reduction: reduction)
    (result.ending, result.targets) = (ending, targets)
    return result
  }

  private init(copying other: ClientLoss, reduction: LossReduction) {
    kind = other.kind
    labelSmoothing = other.labelSmoothing
    classWeights = other.classWeights
    scale = other.scale
    self.reduction = reduction
  }
}

extension ClientLoss: CustomStringConvertible {
  /// For people and records, such as "mean cross entropy, label smoothing 0.1".
  public var description: String {
    let name =
      switch kind {
      case .crossEntropy: "cross entropy"
      case .meanSquaredError: "squared error"
      case .binaryCrossEntropy: "binary cross entropy"
      }
    var parts = ["\(reduction.rawValue) \(name)" + (ending.map { " of the \($0.rawValue)" } ?? "")]
    if labelSmoothing > 0 { parts.append("label smoothing \(labelSmoothing)") }
    if classWeights != nil { parts.append("class weights") }
    if scale != 1 { parts.append("times \(scale)") }
    return parts.joined(separator: ", ")
  }
}

// MARK: - In a graph

extension ClientLoss {
  /// The scalar loss of `logits` [N, ..., K] with `labels` of the form `form`, whose class indices are
  /// [N, ...] and whose scores are [N, ..., K].
  public func value(of logits: Value, labels: Value, form: LabelForm) -> Value {
    let classes = logits.shape[logits.shape.rank - 1]
    let rows = logits.shape.elementCount / max(classes, 1)
    let flat = logits.reshape(to: [rows, classes])
    let targets =
      switch form {
      case .classIndices: targets(of: labels.reshape(to: [rows]), classes, logits.dtype)
      case .probabilities: labels.reshape(to: [rows, classes])
      case .logits: probabilities(of: labels.reshape(to: [rows, classes]))
      }
    let loss = value(of: ending?.values(of: flat) ?? flat, targets: targets)
    return scale == 1 ? loss : loss * scale
  }

  /// Targets [N, K] of labels [N].
  private func targets(of labels: Value, _ classes: Int, _ dtype: DType) -> Value {
    let rows = labels.shape[0]
    if let targets {
      return labels.oneHot(classCount: targets.rows.count, dtype)
        .matmul(targets.value(in: labels.builder, dtype))
    }
    guard hasNumericLabel(classes) else { return labels.oneHot(classCount: classes, dtype) }
    return labels.convert(to: dtype).reshape(to: [rows, 1])
  }

  /// Targets that are sought as free numbers: of one output the number itself or its sigmoid, else their
  /// softmax.
  func probabilities(of scores: Value) -> Value {
    guard hasNumericLabel(scores.shape[scores.shape.rank - 1]) else { return scores.softmax() }
    return kind == .binaryCrossEntropy ? scores.sigmoid() : scores
  }

  private func value(of logits: Value, targets: Value) -> Value {
    switch kind {
    case .crossEntropy:
      guard labelSmoothing > 0 || classWeights != nil else {
        return logits.crossEntropy(probabilities: targets, reduction: reduction)
      }
      return weightedCrossEntropy(of: logits, targets: targets)
    case .meanSquaredError:
      return reduced((logits - targets).squared())
    case .binaryCrossEntropy:
      return reduced(logits.softplus() - logits * targets)
    }
  }

  private func reduced(_ losses: Value) -> Value {
    switch reduction {
    case .mean: losses.mean()
    case .sum: losses.sum()
    }
  }

  /// PyTorch's formula: the smoothed part is weighted by class, and a mean is divided by the sum of the
  /// labels' weights in both parts.
  private func weightedCrossEntropy(of logits: Value, targets: Value) -> Value {
    let (rows, classes) = (logits.shape[0], logits.shape[1])
    let weights = classWeights.map { weights in
      precondition(weights.count == classes, "\(weights.count) weights for \(classes) classes")
      return Value.concatenate(
        weights.map { logits.builder.constant($0, [1], logits.dtype) }, axis: 0)
    }
    func weighted(_ value: Value) -> Value { weights.map { value * $0 } ?? value }
    let logProbabilities = weighted(logits.logSoftmax(axis: 1))
    var total = -(targets * logProbabilities).sum() * (1 - labelSmoothing)
    if labelSmoothing > 0 {
      total = total - logProbabilities.sum() * (labelSmoothing / Double(classes))
    }
    switch reduction {
    case .sum: return total
    case .mean: return weights == nil ? total / Double(rows) : total / weighted(targets).sum()
    }
  }
}

extension LossReduction: CustomStringConvertible {
  /// Its name on the command line.
  public var description: String { rawValue }
}

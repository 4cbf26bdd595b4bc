import TensorGraph

/// The loss that a client's gradient is of. Which it was, and how it was reduced, decides the
/// gradient's scale, so an attack must use the same.
///
/// The formulas are PyTorch's `cross_entropy`, `mse_loss` and `binary_cross_entropy_with_logits`; the
/// last two compare logits with one-hot labels.
public struct ClientLoss: Hashable, Sendable {
  /// Raw values are the names on the command line.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    case crossEntropy = "cross-entropy"
    case meanSquaredError = "mse"
    /// Of the logits' sigmoids: `BCEWithLogitsLoss`.
    case binaryCrossEntropy = "bce"
  }

  public let kind: Kind
  /// Mean over examples (and positions) for cross entropy, over all elements for the others.
  public let reduction: LossReduction
  /// The share of the target that is spread evenly over all classes, 0 ..< 1.
  public let labelSmoothing: Double
  /// One weight above 0 for each class; a mean is divided by the weights of its labels.
  public let classWeights: [Double]?
  /// A factor on the whole loss, such as 0.5; above 0.
  public let scale: Double

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
        "the label smoothing is \(labelSmoothing); give a number from 0 to below 1")
    }
    guard scale > 0, scale.isFinite else {
      throw AttackError("the loss's scale is \(scale); give a number above 0")
    }
    if let wrong = classWeights?.first(where: { !($0 > 0 && $0.isFinite) }) {
      throw AttackError("a class weight is \(wrong); give numbers above 0")
    }
    guard kind == .crossEntropy || (labelSmoothing == 0 && classWeights == nil) else {
      throw AttackError(
        "label smoothing and class weights go with cross entropy, not \(kind.rawValue)")
    }
    self.kind = kind
    self.reduction = reduction
    self.labelSmoothing = labelSmoothing
    self.classWeights = classWeights
    self.scale = scale
  }

  /// - Throws: ``AttackError`` when the class weights are not one for each of `classCount` classes.
  public func check(classCount: Int) throws(AttackError) {
    guard let classWeights, classWeights.count != classCount else { return }
    throw AttackError(
      "\(classWeights.count) class weights for \(classCount) classes; give one for each")
  }

  /// The same with another reduction.
  func reduced(by reduction: LossReduction) -> ClientLoss {
    ClientLoss(copying: self, reduction: reduction)
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
    var parts = ["\(reduction.rawValue) \(name)"]
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
    let logits = logits.reshape(to: [rows, classes])
    let targets =
      switch form {
      case .classIndices: labels.reshape(to: [rows]).oneHot(classCount: classes, logits.dtype)
      case .probabilities: labels.reshape(to: [rows, classes])
      case .logits: labels.reshape(to: [rows, classes]).softmax()
      }
    let loss = value(of: logits, targets: targets)
    return scale == 1 ? loss : loss * scale
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
  public var description: String { rawValue }
}

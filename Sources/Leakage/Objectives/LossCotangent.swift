#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The loss's derivative for the logits of one example, in closed form: what the bias of a last layer
/// sees.
extension ClientLoss {
  /// Whether the true class alone has a negative derivative, at one example and whatever the logits:
  /// the sign that iDLG reads (Zhao et al. 2020, section 3).
  var showsLabelBySign: Bool { kind != .meanSquaredError && labelSmoothing == 0 }

  /// The derivative for each logit of an example with the class `label`, in a batch of `batchSize`; nil
  /// where it depends on the other examples.
  func cotangent(_ logits: [Double], label: Int, batchSize: Int) -> [Double]? {
    let classes = logits.count
    let oneHot = logits.indices.map { $0 == label ? 1.0 : 0 }
    switch kind {
    case .crossEntropy:
      guard let factor = rowFactor(batchSize: batchSize, label: label) else { return nil }
      let spread = labelSmoothing / Double(classes)
      let targets = logits.indices.map {
        (classWeights?[$0] ?? 1) * (spread + (1 - labelSmoothing) * oneHot[$0])
      }
      let total = targets.reduce(0, +)
      return zip(softmax(logits), targets).map { factor * (total * $0 - $1) }
    case .meanSquaredError:
      let factor = 2 * elementFactor(batchSize: batchSize, classes: classes)
      return zip(logits, oneHot).map { factor * ($0 - $1) }
    case .binaryCrossEntropy:
      let factor = elementFactor(batchSize: batchSize, classes: classes)
      return zip(logits, oneHot).map { factor * (1 / (1 + exp(-$0)) - $1) }
    }
  }

  /// The class whose derivative is most like `cotangent`, that of a batch of one.
  func likeliestLabel(_ cotangent: [Double], logits: [Double]) -> Int? {
    func distance(_ label: Int) -> Double {
      let candidate = self.cotangent(logits, label: label, batchSize: 1) ?? []
      return zip(candidate, cotangent).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
    return logits.indices.min { distance($0) < distance($1) }
  }

  private func elementFactor(batchSize: Int, classes: Int) -> Double {
    reduction == .mean ? scale / Double(batchSize * classes) : scale
  }

  /// What an example's cross entropy is multiplied with.
  private func rowFactor(batchSize: Int, label: Int) -> Double? {
    guard reduction == .mean else { return scale }
    guard let classWeights else { return scale / Double(batchSize) }
    // A mean is over the weights of all labels.
    return batchSize == 1 ? scale / classWeights[label] : nil
  }
}

/// The probabilities of one example's logits.
func softmax(_ logits: [Double]) -> [Double] {
  let largest = logits.max() ?? 0
  let exponentials = logits.map { exp($0 - largest) }
  let total = exponentials.reduce(0, +)
  return exponentials.map { $0 / total }
}

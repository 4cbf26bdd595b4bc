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
  package var showsLabelBySign: Bool {
    kind != .meanSquaredError && labelSmoothing == 0 && targets == nil
      && (ending == nil || ending == .logSoftmax
        || kind == .binaryCrossEntropy && ending == .sigmoid)
  }

  /// The derivative for each logit of an example with the label `label`, in a batch of `batchSize`; nil
  /// where it depends on the other examples.
  package func cotangent(_ logits: [Double], label: Int, batchSize: Int) -> [Double]? {
    guard let ending else {
      return innerCotangent(logits, label: label, batchSize: batchSize)
    }
    return innerCotangent(ending.values(of: logits), label: label, batchSize: batchSize)
      .map { ending.pullback($0, logits: logits) }
  }

  /// The derivative for what the loss itself takes.
  private func innerCotangent(_ values: [Double], label: Int, batchSize: Int) -> [Double]? {
    let classes = values.count
    let target = target(of: label, classCount: classes)
    switch kind {
    case .crossEntropy:
      guard let factor = rowFactor(batchSize: batchSize, label: label) else { return nil }
      let spread = labelSmoothing / Double(classes)
      let targets = values.indices.map {
        (classWeights?[$0] ?? 1) * (spread + (1 - labelSmoothing) * target[$0])
      }
      let total = targets.reduce(0, +)
      return zip(softmax(values), targets).map { factor * (total * $0 - $1) }
    case .meanSquaredError:
      let factor = 2 * elementFactor(batchSize: batchSize, classes: classes)
      return zip(values, target).map { factor * ($0 - $1) }
    case .binaryCrossEntropy:
      let factor = elementFactor(batchSize: batchSize, classes: classes)
      return zip(values, target).map { factor * (sigmoid($0) - $1) }
    }
  }

  /// The label whose derivative is most like `cotangent`, that of a batch of one.
  package func likeliestLabel(_ cotangent: [Double], logits: [Double]) -> Int? {
    func distance(_ label: Int) -> Double {
      let candidate = self.cotangent(logits, label: label, batchSize: 1) ?? []
      return zip(candidate, cotangent).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
    return (0..<labelCount(classCount: logits.count)).min { distance($0) < distance($1) }
  }

  /// The targets that give the derivative `cotangent` of a batch of one; nil where they are classes of a
  /// cross entropy, or do not follow.
  package func targets(giving cotangent: [Double], logits: [Double]) -> [Double]? {
    let values = ending?.values(of: logits) ?? logits
    var inner = cotangent
    switch ending {
    case nil: break
    case .sigmoid:
      inner = zip(values, cotangent).map { $1 / ($0 * (1 - $0)) }
    case .softmax, .logSoftmax: return nil
    }
    let factor = elementFactor(batchSize: 1, classes: values.count)
    switch kind {
    case .crossEntropy: return nil
    case .meanSquaredError:
      let targets = zip(values, inner).map { $0 - $1 / (2 * factor) }
      return targets.allSatisfy(\.isFinite) ? targets : nil
    case .binaryCrossEntropy:
      // σ - t is negative where the class is a label, whatever factor the gradient has.
      return inner.contains { !$0.isFinite } ? nil : inner.map { $0 < 0 ? 1 : 0 }
    }
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

func sigmoid(_ value: Double) -> Double { 1 / (1 + exp(-value)) }

func exponential(_ value: Double) -> Double { exp(value) }

func logarithm(_ value: Double) -> Double { log(value) }

/// The probabilities of one example's logits.
package func softmax(_ logits: [Double]) -> [Double] {
  let largest = logits.max() ?? 0
  let exponentials = logits.map { exp($0 - largest) }
  let total = exponentials.reduce(0, +)
  return exponentials.map { $0 / total }
}

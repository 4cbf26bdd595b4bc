import Clients
import TensorGraph

extension SharedUpdate {
  /// The same update under another loss.
  func with(loss: ClientLoss, relativeRounding: Double? = nil) -> SharedUpdate {
    SharedUpdate(
      gradients: gradients, batchSize: batchSize, loss: loss, training: training,
      sharedParameters: sharedParameters,
      relativeRounding: relativeRounding ?? self.relativeRounding,
      roundingEnergies: roundingEnergies, origin: origin)
  }

  /// The outputs' derivatives and the logits of a single example, as the last layer's gradient tells
  /// them (Geiping et al. 2020, Proposition 3.1); nil where it does not.
  func lastLayer(of weighted: WeightedModel) -> (cotangent: [Double], logits: [Double])? {
    guard batchSize == 1, training == nil, let gradient = ClassifierGradient(self, weighted.model),
      let sums = gradient.sums, let features = gradient.features,
      let logits = weighted.logits(of: features), logits.allSatisfy(\.isFinite)
    else { return nil }
    return (sums, logits)
  }
}

extension LabelRecovery {
  /// The update with the targets of its single example as the only label of its loss, where these are no
  /// class: a set of classes, or the numbers of a regression. Else the update as it is.
  static func readingTargets(off update: SharedUpdate, _ weighted: WeightedModel) -> SharedUpdate {
    let loss = update.loss
    guard loss.kind != .crossEntropy, loss.targets == nil,
      let layer = update.lastLayer(of: weighted),
      let targets = loss.targets(giving: layer.cotangent, logits: layer.logits),
      !isClass(targets, under: loss, layer.cotangent, logits: layer.logits),
      let table = try? TargetTable([targets])
    else { return update }
    return update.with(loss: loss.with(targets: table))
  }

  /// Whether targets are those of a class number, also where a factor or the sign of the gradient is wrong:
  /// free numbers would fit any.
  private static func isClass(
    _ targets: [Double], under loss: ClientLoss, _ cotangent: [Double], logits: [Double]
  ) -> Bool {
    if loss.label(of: targets) != nil { return true }
    guard targets.count > 1 else { return false }
    return [cotangent, cotangent.map { -$0 }].contains {
      loss.remainder($0, logits: logits) ?? 1 <= LossConsistency.tolerance
    }
  }
}

extension ClientLoss {
  /// The label whose targets these are, but for rounding; nil when there is none.
  package func label(of targets: [Double]) -> Int? {
    (0..<labelCount(classCount: targets.count)).first { label in
      zip(target(of: label, classCount: targets.count), targets).allSatisfy {
        abs($0 - $1) <= 1e-3 * max(abs($0), 1)
      }
    }
  }

  /// A label of another loss on the same model as a label of this one; ``labelCount(classCount:)``, which
  /// is none, where it has none of these targets.
  package func label(_ label: Int, of other: ClientLoss, classCount: Int) -> Int {
    guard other.targets != targets else { return label }
    return self.label(of: other.target(of: label, classCount: classCount))
      ?? labelCount(classCount: classCount)
  }
}

import Clients
import ModelIO
import TensorGraph

/// Whether an update from a file can be this model's, as it was described, before anything is attacked.
package enum UpdateFit {
  /// What speaks against it, the surest first; nil when nothing does or the update was computed here.
  ///
  /// - Parameter knownLabels: of the batch, where they were given.
  package static func misfit(
    of update: SharedUpdate, _ weighted: WeightedModel, knownLabels: [Int]? = nil,
    backend: any Backend
  ) -> UpdateMisfit? {
    guard update.origin != nil, update.squaredNorm > 0 else { return nil }
    return absoluteWeights(update, weighted) ?? optimizer(update)
      ?? LossConsistency.misfit(of: update, weighted)
      ?? knownLabels.flatMap { wrongLabels($0, update, weighted) }
      ?? wrongBatchSize(update, weighted, backend)
  }

  // MARK: - Weights

  /// Whether the file holds weights: numbers near the model's own, or of their sizes tensor by tensor.
  private static func absoluteWeights(
    _ update: SharedUpdate, _ weighted: WeightedModel
  ) -> UpdateMisfit? {
    let factor: Double =
      if case .difference(let rate) = update.origin { -rate } else { 1 }
    var (product, own, other) = (0.0, 0.0, 0.0)
    for index in update.sharedParameters {
      let (weights, numbers) = (weighted.parameters[index].doubles, update.gradients[index].doubles)
      for (weight, number) in zip(weights, numbers) {
        product += weight * number * factor
        own += weight * weight
        other += number * number * factor * factor
      }
    }
    guard own > 0, other > 0 else { return nil }
    let (alignment, share) = (product / (own * other).squareRoot(), product / own)
    guard alignment > 0.7, (0.5..<2).contains(share) else { return nil }
    let distance = max(own - 2 * product + other, 0).squareRoot() / own.squareRoot()
    return UpdateMisfit(
      .absoluteWeights,
      """
      The file holds weights, no update: its numbers are the model's own up to \
      \(LossConsistency.rounded(100 * distance)) %. Give them with \(.after), the weights before with \(.before), and \
      the client's \(.learningRate).
      """, value: distance)
  }

  // MARK: - Labels

  /// Whether labels that were given contradict the last layer's gradient. Under a cross entropy the sum of a
  /// class is the mean probability less the share of the examples that have it as a label.
  private static func wrongLabels(
    _ labels: [Int], _ update: SharedUpdate, _ weighted: WeightedModel
  ) -> UpdateMisfit? {
    guard update.training == nil,
      let gradient = ClassifierGradient(update, weighted.model), let sums = gradient.sums
    else { return nil }
    if let misfit = wrongTargets(labels, update, weighted) { return misfit }
    if update.batchSize == 1 {
      guard update.loss.targets == nil, let label = LabelRecovery.singleLabel(of: update, weighted),
        label != labels.first
      else { return nil }
      return UpdateMisfit(
        .labels,
        """
        The last layer's gradient is that of label \(label), not of \(labels[0]): give \(.labels, label), \
        or leave \(.labels) out.
        """, value: Double(label))
    }
    let loss = update.loss
    guard loss.kind == .crossEntropy, loss.labelSmoothing == 0, loss.classWeights == nil else {
      return nil
    }
    let unit = loss.scale * (loss.reduction == .sum ? 1 : 1 / Double(update.batchSize))
    let slack = 1e-3 + 4 * update.relativeRounding.squareRoot()
    for (label, sum) in sums.enumerated() {
      let count = labels.count { $0 == label }
      guard -sum > unit * (Double(count) + slack) else { continue }
      let needed = Int((-sum / unit - slack).rounded(.up))
      return UpdateMisfit(
        .labels,
        """
        The last layer's gradient takes at least \(needed) of \(update.batchSize) examples of class \
        \(label), and \(.labels) has \(count): leave \(.labels) out, or give the right ones.
        """, value: Double(label))
    }
    return nil
  }

  /// Whether a set of classes or numbers that were given contradict those that the last layer's gradient
  /// tells of a single example.
  private static func wrongTargets(
    _ labels: [Int], _ update: SharedUpdate, _ weighted: WeightedModel
  ) -> UpdateMisfit? {
    guard let label = labels.first, let layer = update.lastLayer(of: weighted),
      let found = update.loss.targets(giving: layer.cotangent, logits: layer.logits)
    else { return nil }
    let given = update.loss.target(of: label, classCount: found.count)
    // Numbers carry the gradient's rounding.
    let isNear = zip(given, found).allSatisfy {
      update.loss.kind == .binaryCrossEntropy
        ? ($0 > 0.5) == ($1 > 0.5) : abs($0 - $1) <= 0.02 * max(abs($0), 1)
    }
    guard !isNear else { return nil }
    let (right, wrong) = (TargetTable.name(of: found), update.loss.name(of: label))
    return UpdateMisfit(
      .labels,
      """
      The last layer's gradient is that of label \(right), not of \(wrong): give \(.labels, right), or \
      leave \(.labels) out.
      """, value: found[0])
  }

  // MARK: - Batch size

  /// Elements of the last layer up to which its rank is found in no time.
  private static let largestLayer = 1_000_000

  /// Whether the rank of the last layer's gradient, a sum over examples, contradicts their number.
  private static func wrongBatchSize(
    _ update: SharedUpdate, _ weighted: WeightedModel, _ backend: any Backend
  ) -> UpdateMisfit? {
    guard update.training == nil, let layer = weighted.model.classifier,
      let gradient = ClassifierGradient(update, weighted.model), let rows = gradient.rows,
      rows.count <= largestLayer
    else { return nil }
    let (classes, width) = (gradient.classCount, gradient.featureCount)
    let used = (0..<width).filter { column in
      (0..<classes).contains { rows[$0 * width + column] != 0 }
    }
    // Rows of a cross entropy sum to 0.
    let most = min(classes - (update.loss.kind == .crossEntropy ? 1 : 0), used.count)
    guard most >= 1,
      let values = backend.linearAlgebra.singularValueDecomposition(
        HostBuffer(Tensor([classes, width], .f64(rows))))?.values,
      let first = values.first, first > 0
    else { return nil }
    let rounding = max(1e-6, 8 * update.relativeRounding.squareRoot())
    // A matrix of noise has singular values up to its deviation times √rows + √columns (Davidson and Szarek 2001,
    // theorem 2.13).
    let stated = (update.roundingEnergies[layer.weight] / Double(rows.count)).squareRoot()
    let shown = update.loss.kind == .crossEntropy ? gradient.noiseDeviation ?? 0 : 0
    let deviation = max(stated, shown)
    let noise = 2 * deviation * (Double(classes).squareRoot() + Double(width).squareRoot())
    let rank = values.count { $0 > max(rounding * first, noise) }
    guard rank > update.batchSize else { return nil }
    return UpdateMisfit(
      .batchSize,
      """
      The last layer's gradient has rank \(rank), and \(update.batchSize) examples give it \
      \(update.batchSize) at most: give the true \(.batchSize), \(rank) or more.
      """, value: Double(rank))
  }
}

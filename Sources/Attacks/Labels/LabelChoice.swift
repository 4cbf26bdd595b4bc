import Clients
import TensorGraph

extension AttackProblem {
  /// The labels of several local steps, ascending; nil where the update does not tell them.
  ///
  /// - Throws: ``AttackError`` when the backend fails.
  func trainedLabels(_ training: LocalTraining) throws(AttackError) -> [Int]? {
    // Counts are differences of small numbers, which a defence drowns.
    guard counter.isNone || update.batchSize == 1 else { return nil }
    return try LabelRecovery.labels(
      of: update, after: training, weighted, seed: configuration.seed, backend: backend)
  }

  /// The labels in the batch's order, as far as that matters; nil when the update does not tell them.
  ///
  /// - Throws: ``AttackError`` when the backend fails.
  func likelyLabels() throws(AttackError) -> [Int]? {
    if let knownLabels { return knownLabels }
    if counter.hasMixedLabels { return nil }
    // A label's number that was not sent, or that noise has drowned, is no basis for the search.
    if !counter.isNone, let bias = weighted.model.classifier?.bias,
      !(update.gradients[bias].doubles.contains { $0 < 0 })
    {
      return nil
    }
    if let training = update.training {
      return try trainedLabels(training).flatMap {
        training.arrangements(of: $0, limit: 1)?.first
      }
    }
    if update.batchSize == 1 {
      return LabelRecovery.singleLabel(of: update, weighted).map { [$0] }
    }
    return LabelRecovery.batchLabels(of: update, weighted)
  }

  /// The labels that a plan's strategy gives, or nil when they are sought with the images.
  ///
  /// - Throws: ``AttackError`` when the strategy does not apply, with one that does.
  func labels(for plan: OptimizationPlan) throws(AttackError) -> [Int]? {
    if let knownLabels { return knownLabels }
    switch plan.labels {
    case .joint:
      return nil
    case .single:
      return [try LabelRecovery.singleLabel(of: update, model: weighted.model)]
    case .recovered:
      // Whatever is guessed of the first epoch's order is as good as any for separate ones.
      if plan.separateEpochs(of: update.training) > 1, let training = update.training,
        let labels = try trainedLabels(training)
      {
        return labels
      }
      guard let labels = try likelyLabels() else {
        guard plan.epochs == .shared else {
          throw AttackError(
            "the labels of \(plan.name) are counted, and this update does not tell their counts; assume "
              + "them with labels=known")
        }
        if let training = update.training, !training.isFullBatch {
          throw AttackError(
            "which label belongs to which of the client's mini-batches is not told by its update; seek "
              + "them with labels=joint, or assume them with labels=known")
        }
        throw AttackError(
          "the last layer of \(weighted.model.name) does not tell the labels of this update; seek "
            + "them with labels=joint, or assume them with labels=known")
      }
      return labels
    case .mostNegative:
      return try LabelRecovery.mostNegativeLabels(of: update, model: weighted.model)
    case .known:
      throw AttackError(
        "\(plan.name) assumes known labels, and none were given; use labels=recovered")
    }
  }
}

extension LabelRecovery {
  /// The batch's labels if none repeats: the K classes whose rows of the last layer's weight gradient
  /// have the most negative entries, in ascending order (Yin et al. 2021, arXiv 2104.07586, section
  /// 3.1).
  ///
  /// - Throws: ``AttackError`` when the model does not end in a fully connected layer, or has fewer
  ///   classes than the batch has images.
  public static func mostNegativeLabels(
    of update: SharedUpdate, model: Model
  ) throws(AttackError) -> [Int] {
    try update.requireOneGradient("labels=most-negative")
    guard let gradient = ClassifierGradient(update, model), let elements = gradient.rows else {
      throw AttackError(
        "labels are read off the gradient of a fully connected last layer, which \(model.name) "
          + "lacks or which was not shared; use labels=joint or labels=known")
    }
    let (classes, width) = (gradient.classCount, gradient.featureCount)
    guard update.batchSize <= classes else {
      throw AttackError(
        "\(update.batchSize) examples cannot have different labels of \(classes) classes; use "
          + "labels=recovered")
    }
    let least = (0..<classes).map { row in
      elements[row * width..<(row + 1) * width].min() ?? 0
    }
    let order = least.indices.sorted { (least[$0], $0) < (least[$1], $1) }
    return order.prefix(update.batchSize).sorted()
  }
}

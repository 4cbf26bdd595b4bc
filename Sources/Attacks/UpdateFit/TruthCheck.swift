import Clients
import ModelIO
import TensorGraph

/// Whether examples that are said to be behind an update have it: one evaluation of the client's gradient.
public struct TruthCheck: Codable, Sendable, Equatable {
  /// The distance between the update and that of the examples, relative to the former's norm; the smallest
  /// over what was tried.
  public let relativeDistance: Double
  /// What is wrong; nil when the examples have the update.
  public let misfit: UpdateMisfit?

  /// Whether the examples have the update, up to what rounding and other libraries change.
  public var fits: Bool { misfit == nil }

  /// Relative distance up to which examples have the update: what other libraries' arithmetic changes.
  static let tolerance = 1e-3
  /// The same of moves that are next to signs: one that turns is twice a move.
  static let signTolerance = 0.05

  /// - Parameters:
  ///   - images: [N, C, H, W] in f64, as many as the update's examples.
  ///   - labels: of the images; nil where they are not known, which only a single image allows.
  ///   - mode: how the client's model is said to compute.
  /// - Returns: nil when it cannot be told: labels are not known, or the order of local steps.
  /// - Throws: ``AttackError`` when the backend fails.
  public init?(
    _ shared: SharedUpdate, _ weighted: WeightedModel, images: Tensor, labels: [Int]?,
    mode: ForwardMode, backend: any Backend
  ) throws(AttackError) {
    // Sets of classes and numbers are labels too.
    let update = labels == nil ? LabelRecovery.readingTargets(off: shared, weighted) : shared
    guard images.shape[0] == update.batchSize, update.squaredNorm > 0,
      update.training?.isOrderKnown ?? true
    else { return nil }
    let read =
      update.batchSize == 1
      ? LabelRecovery.singleLabel(of: update, weighted).map { [$0] } : nil
    guard let stated = labels ?? read else { return nil }
    func fit(
      _ labels: [Int], _ mode: ForwardMode
    ) throws(AttackError) -> (distance: Double, factor: Double)? {
      let own = try AttackError.ifApplicable { () throws(AttackError) in
        try weighted.share(
          images: images, labels: labels, loss: update.loss, training: update.training, mode: mode,
          backend: backend)
      }
      return own.map { update.distance(to: $0) }
    }
    guard let plain = try fit(stated, mode) else { return nil }
    let isSigned = update.training?.rule.isAdaptive == true
    let tolerance =
      (isSigned ? TruthCheck.signTolerance : TruthCheck.tolerance) + 4
      * update.relativeRounding.squareRoot()
    guard plain.distance > tolerance else {
      relativeDistance = plain.distance
      misfit = nil
      return
    }
    if let read, read != stated, let other = try fit(read, mode), other.distance <= tolerance {
      relativeDistance = other.distance
      misfit = UpdateMisfit(
        .labels,
        """
        The original has this update with the label \(read[0]), not with \(stated[0]): give \
        \(.labels, read[0]), or leave \(.labels) out.
        """, value: Double(read[0]))
      return
    }
    let otherMode: ForwardMode = mode == .training ? .evaluation : .training
    if let other = try fit(stated, otherMode), other.distance <= tolerance {
      relativeDistance = other.distance
      misfit = UpdateMisfit(
        .mode,
        """
        The originals have this update when the model is in \(otherMode.rawValue) mode, and \
        \(mode.rawValue) was stated: use \(.mode, otherMode.rawValue).
        """)
      return
    }
    relativeDistance = plain.distance
    let share = LossConsistency.rounded(100 * plain.distance)
    misfit = UpdateMisfit(
      .truth,
      abs(plain.factor - 1) < 0.5 && plain.distance < 0.5
        ? """
        The originals that were given have nearly this update (\(share) % differs): they are others, were \
        prepared otherwise than by the client, or the update was changed. What is measured against them is off.
        """
        : """
        The originals that were given have another update (its distance from this one is \(share) % of its \
        size): they, their number, their labels, the weights, the loss or the mode are not the client's. \
        What is measured against them says nothing.
        """, value: plain.distance)
  }
}

extension SharedUpdate {
  /// The distance to another update, relative to this one's norm, over the parameters shared; and the factor
  /// by which the other comes nearest.
  fileprivate func distance(to other: SharedUpdate) -> (distance: Double, factor: Double) {
    var (square, product, own) = (0.0, 0.0, 0.0)
    for index in sharedParameters {
      for (a, b) in zip(gradients[index].doubles, other.gradients[index].doubles) {
        square += (a - b) * (a - b)
        product += a * b
        own += b * b
      }
    }
    return (
      (square / max(squaredNorm, .leastNormalMagnitude)).squareRoot(),
      product / max(own, .leastNormalMagnitude)
    )
  }
}

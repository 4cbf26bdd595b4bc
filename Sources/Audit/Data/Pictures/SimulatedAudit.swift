import Attacks
import Clients
import Defences
import ModelIO
import Solvers
import TensorGraph

/// Plays both sides: a client that shares the gradient of a private batch, and the attacker who gets
/// it, on a model with given weights.
package struct SimulatedAudit: Sendable {
  package typealias Outcome = AuditOutcome
  package typealias Frame = AuditOutcome.Frame

  private let audit: UpdateAudit
  private let loss: ClientLoss

  /// - Parameters:
  ///   - weights: how the model came by them, for the record.
  ///   - loss: the client's.
  ///   - mode: how the client's model computes.
  package init(
    _ weighted: WeightedModel, activation: String, weights: WeightSource,
    loss: ClientLoss = .meanCrossEntropy, mode: ForwardMode = .evaluation, backend: any Backend
  ) {
    self.init(
      UpdateAudit(
        weighted, activation: activation, weights: weights, mode: mode, backend: backend), loss)
  }

  /// - Parameter audit: of the model as the client gets it.
  init(_ audit: UpdateAudit, _ loss: ClientLoss) {
    self.audit = audit
    self.loss = loss
  }

  /// Whether the client can apply all its defences to a batch; to be asked of all batches before the
  /// first is attacked.
  ///
  /// - Throws: ``AttackError`` with the defence that cannot act, and why.
  static func check(
    _ defences: DefenceChain, _ batch: [PrivateExample], training: LocalTraining?, model: Model,
    _ loss: ClientLoss, _ mode: ForwardMode, data: DataKindName = .pictures
  ) throws(AttackError) {
    try check(
      defences, batch, training: training, model: model, loss, mode, data: data,
      companionCount: companions(for: defences, besides: batch, model, seed: 0).count)
  }

  private static func check(
    _ defences: DefenceChain, _ batch: [PrivateExample], training: LocalTraining?, model: Model,
    _ loss: ClientLoss, _ mode: ForwardMode, data: DataKindName = .pictures, companionCount: Int
  ) throws(AttackError) {
    try defences.check(
      for: DefenceSetting(
        data: data, model: model, batchSize: batch.count, training: training, loss: loss,
        mode: mode,
        companionCount: companionCount))
  }

  private static func companions(
    for defences: DefenceChain, besides batch: [PrivateExample], _ model: Model, seed: UInt64
  ) -> [Companion] {
    guard defences.needsCompanions else { return [] }
    return CompanionImages(besides: batch, for: model, seed: seed).all
  }

  /// What a client shares, and the model that its defences leave to train.
  struct Shared {
    let update: DefendedUpdate
    let audit: UpdateAudit
  }

  /// Shares the gradient of `batch`, or what local steps on it come to, through the client's defences.
  ///
  /// - Parameters:
  ///   - configuration: whose seed and precision count.
  ///   - training: the client's local steps on the batch; nil for one gradient.
  ///   - data: what the batch is.
  /// - Throws: ``AttackError`` when a defence does not apply, or the update is zero without one.
  func share(
    _ batch: [PrivateExample], _ configuration: AttackConfiguration, training: LocalTraining?,
    defences: DefenceChain, data: DataKindName
  ) throws(AttackError) -> Shared {
    let companions = SimulatedAudit.companions(
      for: defences, besides: batch, audit.weighted.model, seed: configuration.seed)
    try SimulatedAudit.check(
      defences, batch, training: training, model: audit.weighted.model, loss, audit.mode,
      data: data, companionCount: companions.count)
    var pipeline = DefencePipeline(defences, seed: configuration.seed)
    let audit = try extended(for: defences, batchSize: batch.count, seed: configuration.seed)
    // Whose order is not known shuffles.
    let shuffled = training.map {
      $0.isOrderKnown
        ? $0
        : $0.shuffled(using: RandomSource(seed: configuration.seed).derive(label: "epochs"))
    }
    let shared = try audit.weighted.share(
      images: stacked(batch.map(\.image)).converted(to: configuration.precision.dtype),
      labels: batch.flatMap { $0.labels ?? [0] }, loss: loss, training: shuffled, mode: audit.mode,
      companions: companions, through: &pipeline, backend: audit.backend)
    guard shared.update.squaredNorm > 0 || !defences.isEmpty else {
      throw AttackError(
        advising: """
          the client's update is exactly zero, so there is nothing to attack, and nothing is shown of other \
          batches. \(EmptyUpdate.causes(audit.weighted.model, loss))
          """)
    }
    return Shared(update: shared, audit: audit)
  }

  /// Shares the gradient of `batch`, or what local steps on it come to, and attacks that.
  ///
  /// - Parameters:
  ///   - training: the client's local steps on the batch; nil for one gradient.
  ///   - startingImages: [N, C, H, W], for plans that start from given images.
  ///   - defences: what the client does to the gradient first.
  ///   - data: what the batch is.
  ///   - isAdaptive: whether the attacker knows of the defences and answers them; see
  ///     ``CounterAttack``.
  ///   - observe: called after every iteration of a search with the progress and what was found by then.
  /// - Throws: ``AttackError`` when the attack does not apply.
  package func run(
    _ batch: [PrivateExample], configuration: AttackConfiguration,
    training: LocalTraining? = nil, startingImages: Tensor? = nil, defences: DefenceChain = .none,
    isAdaptive: Bool = true, data: DataKindName = .pictures,
    observe: (AttackProgress, UpdateAudit.Glimpse) -> SolverDecision = { _, _ in .proceed }
  ) throws(AttackError) -> Outcome {
    let sharing = try share(
      batch, configuration, training: training, defences: defences, data: data)
    let (shared, audit) = (sharing.update, sharing.audit)
    var summary =
      defences.isEmpty ? nil : DefenceSummary(defences, shared, isAdaptive: isAdaptive)
    if defences.changesModel {
      // What a client with the model itself would have sent.
      summary?.plainByteCount = 4 * self.audit.weighted.model.parameterCount
    }
    let subject = UpdateAudit.Subject(
      update: shared.update, truth: batch, name: batch.map(\.name).joined(separator: "+"),
      encodings: shared.encodings,
      knownLabels: configuration.plan?.labels == .known
        && configuration.unknown?.contains(.labels) != true ? shared.labels : nil,
      kind: shared.update.training?.isOneStep ?? true
        ? UpdateKind.gradient.rawValue : UpdateKind.difference.rawValue,
      counterAttack: isAdaptive ? shared.counterAttack : .none,
      defence: summary)
    return try audit.attack(
      subject, configuration: configuration, startingImages: startingImages, observe: observe)
  }

  /// The audit of the model that the defences leave to train.
  private func extended(
    for defences: DefenceChain, batchSize: Int, seed: UInt64
  ) throws(AttackError) -> UpdateAudit {
    guard defences.changesModel else { return audit }
    return UpdateAudit(
      try audit.weighted.extended(for: defences, batchSize: batchSize, seed: seed),
      activation: audit.modelSummary.activation, weights: audit.modelSummary.weights,
      mode: audit.mode, backend: audit.backend)
  }
}

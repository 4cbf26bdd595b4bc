import Leakage
import ModelIO
import TensorGraph

/// Plays both sides: a client that shares the gradient of a private batch, and the attacker who gets
/// it, on a model with given weights.
public struct SimulatedAudit: Sendable {
  public typealias Outcome = AuditOutcome
  public typealias Frame = AuditOutcome.Frame

  private let audit: UpdateAudit
  private let loss: ClientLoss

  /// - Parameters:
  ///   - weights: how the weights came about, for the record.
  ///   - loss: the client's.
  ///   - mode: how the client's model computes.
  public init(
    _ weighted: WeightedModel, activation: String, weights: String,
    loss: ClientLoss = .meanCrossEntropy, mode: ForwardMode = .evaluation, backend: any Backend
  ) {
    audit = UpdateAudit(
      weighted, activation: activation, weights: weights, mode: mode, backend: backend)
    self.loss = loss
  }

  /// Shares the gradient of `batch` and attacks it.
  ///
  /// - Parameter observe: called after every iteration of a search with the progress and the mean
  ///   PSNR in dB over the batch, which the simulated attacker cannot see; measured only if asked for.
  /// - Throws: ``AttackError`` when the attack does not apply.
  public func run(
    _ batch: [PrivateExample], configuration: AttackConfiguration,
    observe: (AttackProgress, () -> Double) -> SolverDecision = { _, _ in .proceed }
  ) throws(AttackError) -> Outcome {
    let update = try audit.weighted.share(
      images: stacked(batch.map(\.image)).converted(to: configuration.precision.dtype),
      labels: batch.map { $0.label ?? 0 }, loss: loss, mode: audit.mode, backend: audit.backend)
    let subject = UpdateAudit.Subject(
      update: update, truth: batch, name: batch.map(\.name).joined(separator: "+"))
    return try audit.attack(subject, configuration: configuration, observe: observe)
  }
}

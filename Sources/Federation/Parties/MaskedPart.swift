import Solvers
import TensorGraph

/// A worker's part of secure aggregation.
final class MaskedPart: WorkerPart {
  private let settings: FederationSettings
  private let vector: ParameterVector
  private var client: SecureAggregationClient?
  private var input: [UInt32] = []
  private var share: LocalTrainer.Share?

  init(_ settings: FederationSettings, _ vector: ParameterVector) {
    self.settings = settings
    self.vector = vector
  }

  /// Steps in which a worker says something, where the server keeps to the protocol.
  private static let steps: [SecureAggregationStep] = [
    .advertiseKeys, .shareKeys, .maskedInput, .unmasking,
  ]

  /// Whether the worker drops out of this round before it says what belongs to a step.
  private func dropsOut(_ worker: Worker, _ round: Int, before step: Int) -> Bool {
    let plan = RoundPlan(settings, round: round)
    let number = worker.welcome.worker
    return plan.dropsOut(number)
      && plan.dropoutStep(number, of: MaskedPart.steps.count) == step
  }

  func begin(
    _ share: LocalTrainer.Share, _ worker: Worker, _ frame: Frame
  ) throws -> Worker.End? {
    let round = frame.round
    if dropsOut(worker, round, before: 0) { return .droppedOut }
    // The rounding is by the seed; the secrets are not, as they leave no trace in the sum.
    var source = RandomSource(seed: settings.seed).derive(label: "rounding").derive(index: round)
      .derive(index: worker.welcome.worker)
    input = try settings.quantizer().words(
      for: vector.flat(share.tensors).map(Double.init), weight: share.examples.count, using: &source
    )
    var client = try SecureAggregationClient(
      number: worker.welcome.worker + 1,
      settings: try settings.secureAggregation(valueCount: vector.count),
      session: try settings.session(round: round, attempt: frame.attempt))
    let keys = try client.advertiseKeys().encoded()
    (self.client, self.share) = (client, share)
    worker.send(Frame(.masked, round: round, body: keys))
    return nil
  }

  func take(_ frame: Frame, _ worker: Worker) throws -> Worker.End? {
    guard var client, let share, frame.kind == .masked else {
      throw FederationError("the server sent a \(frame.kind), which is for others", .refused)
    }
    let answer = try client.answer(encoded: frame.body, input: input)
    let next = frame.step + 1
    if dropsOut(worker, frame.round, before: next) { return .droppedOut }
    self.client = client
    worker.send(Frame(.masked, round: frame.round, step: next, body: answer))
    if next == SecureAggregationStep.maskedInput.place {
      // What the server does not see, the study does.
      try worker.report(share, round: frame.round, withShare: true)
    }
    return nil
  }
}

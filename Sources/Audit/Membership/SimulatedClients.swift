import Clients
import Defences
import TensorGraph

/// Clients that hold records of a pool and share one update of them each.
struct SimulatedClients {
  /// Of the model, with what backend computes.
  let runner: PictureRunner
  /// The clients' training and defences.
  let experiment: Experiment
  /// Of the records.
  let kind: DataKindName

  /// What a client shares of these records.
  ///
  /// - Parameter seed: of the noise of its defences.
  /// - Throws: ``AttackError`` when a defence does not apply or the backend fails.
  func share(
    _ members: [PrivateExample], _ weighted: WeightedModel, _ loss: ClientLoss, seed: UInt64
  ) throws -> SharedUpdate {
    let defences = experiment.defences
    guard !defences.needsCompanions, !defences.changesModel else {
      throw ExperimentError(
        "defences",
        "mix images or change the model; give defences of updates, such as gaussian:1e-4")
    }
    try defences.check(for: DefenceSetting(data: kind, batchSize: members.count))
    var pipeline = DefencePipeline(defences, seed: seed)
    return try weighted.share(
      images: stacked(members.map(\.image)), labels: members.map { $0.label ?? 0 }, loss: loss,
      training: try experiment.client.training(
        exampleCount: members.count, for: weighted.model.parameters),
      mode: runner.selected.mode, through: &pipeline, backend: runner.backend
    ).update
  }
}

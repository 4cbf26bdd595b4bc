import Clients
import Federation
import ModelIO
import Solvers
import TensorGraph

/// A federation's model and data in memory: what server, workers and study need of one kind of data.
package protocol FederationScene: Sendable {
  /// For people.
  var modelName: String { get }
  /// What the user should know of model and data.
  var notes: [Sentence] { get }
  /// The model's parameters.
  var vector: ParameterVector { get }
  /// The weights that training begins with, as all parties keep them: one f32 tensor for each parameter.
  var weights: [Tensor] { get }
  /// What files of weights have besides parameters.
  var buffers: [String: Tensor] { get }
  /// See `Model.deadWeights()`; nil for a model that has none.
  var deadWeights: [Tensor]? { get }
  /// The last layer's bias, whose gradient no model without gradients takes away; nil for none.
  var lastBias: String? { get }
  /// Whether attacks take tensors of which some elements were not seen.
  var readsPartsOfTensors: Bool { get }

  /// A worker's part of the plan's data.
  ///
  /// - Throws: ``FederationError`` when it has no examples.
  func shard(of worker: Int, _ plan: FederationPlan, backend: any Backend) throws
    -> any PrivateShard

  /// Data of a worker's own.
  ///
  /// - Throws: `FileError` or ``FederationError`` when they cannot be read or are of another kind.
  func ownShard(_ data: FederationData, seed: UInt64, backend: any Backend) throws
    -> any PrivateShard

  /// Measures accuracy on what no worker has.
  ///
  /// - Throws: ``AttackError`` when the backend cannot run the model.
  func evaluator(backend: any Backend) throws -> any ModelEvaluator

  /// Tells an experiment on an update of what is behind it.
  ///
  /// - Parameters:
  ///   - path: where ``writeTruth(_:to:)`` wrote it.
  ///   - experiment: with the model's choice and its update.
  func enter(_ batches: [RoundTap.Batch], at path: String, into experiment: inout Experiment)

  /// Writes private examples where an experiment reads them from a file; nothing where it holds them itself.
  ///
  /// - Throws: `FileError` when the file cannot be written.
  func writeTruth(_ batches: [RoundTap.Batch], to path: String) throws(FileError)

  /// Attacks an update.
  ///
  /// - Parameters:
  ///   - name: of the observation.
  ///   - observe: called after every step; may ask to stop.
  /// - Throws: `AttackError` when the attack does not apply.
  func run(
    _ experiment: Experiment, _ batches: [RoundTap.Batch], name: String, backend: any Backend,
    observe: (ExperimentProgress) -> SolverDecision
  ) throws -> AuditOutcome
}

// MARK: - Pictures

extension FederationPlan.Scene: FederationScene {
  package var modelName: String { weighted.model.name }
  package var notes: [Sentence] { selected.notes }
  package var deadWeights: [Tensor]? { weighted.model.deadWeights() }
  package var readsPartsOfTensors: Bool { true }

  package var buffers: [String: Tensor] {
    Dictionary(uniqueKeysWithValues: zip(weighted.model.buffers.map(\.name), weighted.buffers))
  }

  package var lastBias: String? {
    weighted.model.classifier?.bias.map { weighted.model.parameters[$0].name }
  }

  private func shard(_ set: TrainingSet, backend: any Backend) -> any PrivateShard {
    PictureShard(PictureGradients(weighted, backend: backend), set)
  }

  package func shard(
    of worker: Int, _ plan: FederationPlan, backend: any Backend
  ) throws -> any PrivateShard {
    let positions = try plan.positions(of: worker, labels: training.labels)
    return shard(training.part(positions), backend: backend)
  }

  package func ownShard(
    _ data: FederationData, seed: UInt64, backend: any Backend
  ) throws -> any PrivateShard {
    let own = try data.read(
      inputShape: training.shape, classCount: weighted.model.classCount, workers: 1, seed: seed
    ).training
    return shard(own.part(Array(0..<own.count)), backend: backend)
  }

  package func evaluator(backend: any Backend) throws -> any ModelEvaluator {
    try Evaluator(weighted, heldOut, backend: backend)
  }

  package func writeTruth(_ batches: [RoundTap.Batch], to path: String) throws(FileError) {
    let labels = batches.flatMap(\.labels)
    try Safetensors.write(
      [
        "images": Tensor(
          Shape([labels.count] + training.shape.dimensions), .f32,
          batches.flatMap { $0.images?.doubles ?? [] }),
        "labels": Tensor([labels.count], .i64, labels.map(Double.init)),
      ], to: path, isPrivate: true)
  }

  package func enter(
    _ batches: [RoundTap.Batch], at path: String, into experiment: inout Experiment
  ) {
    experiment.data.pictures = [path]
  }

  package func run(
    _ experiment: Experiment, _ batches: [RoundTap.Batch], name: String, backend: any Backend,
    observe: (ExperimentProgress) -> SolverDecision
  ) throws -> AuditOutcome {
    let selected = try experiment.model.select(batchSizes: [experiment.batchSize])
    return try PictureRunner(selected, backend: backend)
      .prepare(experiment, pictures: examples(batches, name)).run(observe: observe)
  }

  /// Private pictures by an observation's name.
  package func examples(_ batches: [RoundTap.Batch], _ name: String) -> [PrivateExample] {
    let shape = training.shape
    let size = shape.elementCount
    let count = batches.reduce(0) { $0 + $1.labels.count }
    var examples: [PrivateExample] = []
    for batch in batches {
      let pixels = batch.images?.doubles ?? []
      for (index, label) in batch.labels.enumerated() {
        examples.append(
          PrivateExample(
            name: count == 1 ? name : "\(name)-\(examples.count + 1)",
            image: Tensor(shape, .f64(Array(pixels[index * size..<(index + 1) * size]))),
            label: label))
      }
    }
    return examples
  }
}

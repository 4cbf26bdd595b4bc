import Clients
import Defences
import TensorGraph

/// A client of a ``TrainingRun``: what it shares of a batch at the server's current weights.
protocol TrainingClient {
  /// - Returns: the loss before the step, and the update after the defences.
  func share(
    _ batch: [LabelledExamples.Example], _ parameters: [[Double]],
    through pipeline: inout DefencePipeline
  ) throws -> (loss: Double, shared: DefendedUpdate)
}

/// One whose defences act on its update alone: its gradient is compiled once.
struct PlainTrainingClient: TrainingClient {
  private let gradient: GradientEvaluation
  private let single: GradientEvaluation?
  private let names: [String]

  init(
    _ start: WeightedModel, batchSize: Int, needsExamples: Bool, backend: any Backend
  ) throws(GraphError) {
    gradient = try GradientEvaluation(start, batchSize: batchSize, backend: backend)
    names = start.model.parameters.map(\.name)
    single = needsExamples ? try GradientEvaluation(start, batchSize: 1, backend: backend) : nil
  }

  func share(
    _ batch: [LabelledExamples.Example], _ parameters: [[Double]],
    through pipeline: inout DefencePipeline
  ) throws -> (loss: Double, shared: DefendedUpdate) {
    let (loss, mean) = try gradient.evaluate(batch, parameters)
    let examples =
      try single.map { single in
        try batch.map { try single.evaluate([$0], parameters).gradients }
      } ?? []
    return (
      loss, pipeline.apply(mean, batchSize: batch.count, examples: examples, names: names)
    )
  }
}

/// One whose defences act on its images or its model: it goes through all that an attacked client does.
struct ExtendedTrainingClient: TrainingClient {
  private let start: WeightedModel
  /// What images are mixed with, and what other clients hold.
  private let others: [Companion]
  private let backend: any Backend

  init(_ start: WeightedModel, others: [LabelledExamples.Example], backend: any Backend) {
    self.start = start
    self.backend = backend
    let shape = start.model.inputShape
    self.others = others.map { Companion(image: Tensor(shape, .f64($0.image)), label: $0.label) }
  }

  func share(
    _ batch: [LabelledExamples.Example], _ parameters: [[Double]],
    through pipeline: inout DefencePipeline
  ) throws -> (loss: Double, shared: DefendedUpdate) {
    let model = start.model
    let current = WeightedModel(
      model: model,
      parameters: zip(model.parameters, parameters).map { Tensor($0.shape, .f32, $1) },
      buffers: start.buffers)
    let images = Tensor(
      Shape([batch.count] + model.inputShape.dimensions), .f32, batch.flatMap(\.image))
    let shared = try current.share(
      images: images, labels: batch.map(\.label), mode: .training, companions: others,
      through: &pipeline, backend: backend)
    return (shared.clientLoss ?? .nan, shared)
  }
}

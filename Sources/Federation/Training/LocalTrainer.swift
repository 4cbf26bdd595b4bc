import Clients
import TensorGraph

/// A worker's own training: from the weights that it got to what it shares.
package final class LocalTrainer {
  private let model: Model
  private let buffers: [Tensor]
  private let settings: FederationSettings
  private let shard: TrainingSet
  private let backend: any Backend
  /// Compiled for each size of batches.
  private var gradients: [Int: (graph: ClientGradientGraph, function: CompiledFunction)] = [:]

  /// What a worker shares in a round.
  package struct Share: Sendable {
    /// One for each parameter: a gradient, or the weights after the local steps; in f32.
    package let tensors: [Tensor]
    /// Positions in the worker's shard, in the order of its steps.
    package let examples: [Int]
    /// The mean loss of the first step.
    package let loss: Double
  }

  /// - Parameters:
  ///   - weighted: the model; of its weights the buffers alone count.
  ///   - shard: the worker's private examples.
  package init(
    _ weighted: WeightedModel, _ settings: FederationSettings, shard: TrainingSet,
    backend: any Backend
  ) {
    model = weighted.model
    buffers = weighted.buffers
    self.settings = settings
    self.shard = shard
    self.backend = backend
  }

  /// Trains on the round's examples.
  ///
  /// - Parameter weights: one f32 tensor for each parameter.
  /// - Throws: ``AttackError`` when the backend cannot run the model.
  package func share(
    worker: Int, round: Int, weights: [Tensor]
  ) throws(AttackError) -> Share {
    try share(
      RoundPlan(settings, round: round).examples(of: worker, count: shard.count), of: shard,
      settings, weights: weights)
  }

  /// Trains on some of a set's examples.
  ///
  /// - Parameters:
  ///   - examples: positions in the set, in the order of the steps; one or more.
  ///   - settings: how to train; that of other rounds, or another's.
  ///   - weights: one f32 tensor for each parameter.
  /// - Throws: ``AttackError`` when the backend cannot run the model.
  package func share(
    _ examples: [Int], of shard: TrainingSet, _ settings: FederationSettings, weights: [Tensor]
  ) throws(AttackError) -> Share {
    guard let epochs = settings.epochs else {
      let (gradient, loss) = try gradient(examples, of: shard, at: weights)
      return Share(tensors: gradient, examples: examples, loss: loss)
    }
    let training = try LocalTraining(
      exampleCount: 1, miniBatchSize: 1, learningRate: settings.learningRate)
    var steps = ClientSteps(training, from: weights.map { PlainNumbers($0.doubles) })
    var (current, first) = (weights, Double?.none)
    let size = settings.miniBatch ?? examples.count
    for _ in 0..<epochs {
      for start in stride(from: 0, to: examples.count, by: size) {
        let batch = Array(examples[start..<min(start + size, examples.count)])
        let (gradient, loss) = try gradient(batch, of: shard, at: current)
        first = first ?? loss
        steps.step([gradient.map { PlainNumbers($0.doubles) }])
        // Weights are kept in f32, as PyTorch keeps them.
        current = zip(weights, steps.weights).map { Tensor($0.shape, .f32, $1.elements) }
        steps.weights = current.map { PlainNumbers($0.doubles) }
      }
    }
    return Share(tensors: current, examples: examples, loss: first ?? .nan)
  }

  private func gradient(
    _ examples: [Int], of shard: TrainingSet, at weights: [Tensor]
  ) throws(AttackError) -> (gradient: [Tensor], loss: Double) {
    try AttackError.naming(model.name, "trained") { () throws(GraphError) in
      let (graph, function) = try compiled(batchSize: examples.count)
      function.bind(graph.images, to: shard.images(examples))
      function.bind(
        graph.labels,
        to: Tensor([examples.count], .i32(examples.map { Int32(shard.labels[$0]) })))
      function.bind(graph.parameters, to: weights)
      try function.run()
      return (graph.gradients.map(function.read), function.read(graph.loss).scalarValue)
    }
  }

  private func compiled(
    batchSize: Int
  ) throws(GraphError) -> (ClientGradientGraph, CompiledFunction) {
    if let known = gradients[batchSize] { return known }
    let graph = ClientGradientGraph(model, batchSize: batchSize, labelForm: .classIndices)
    let function = try CompiledFunction(graph.function, on: backend)
    function.bind(graph.buffers, to: buffers)
    gradients[batchSize] = (graph, function)
    return (graph, function)
  }

  /// What the study is told of a share.
  ///
  /// - Parameter isTapped: whether it is told of the private batch.
  func report(_ share: Share, isTapped: Bool) -> StudyReport {
    var report = StudyReport(loss: share.loss, examples: share.examples.count)
    if isTapped { report.batch = batch(share) }
    return report
  }

  /// The private batch behind a share, for the study alone.
  package func batch(_ share: Share) -> RoundTap.Batch {
    RoundTap.Batch(
      images: shard.images(share.examples), labels: share.examples.map { shard.labels[$0] })
  }

  /// Examples that it takes in a round.
  var exampleCount: Int { min(settings.batchSize, shard.count) }
}

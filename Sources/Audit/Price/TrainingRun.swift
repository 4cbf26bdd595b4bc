import Clients
import Defences
import Solvers
import TensorGraph

/// Trains a small model by rounds of one defended client: each round the client draws a batch, its
/// gradient goes through the defences, and the server takes a step of gradient descent with what
/// arrives.
package struct TrainingRun: Sendable {
  /// How to train.
  package struct Settings: Sendable, Codable, Equatable {
    /// Updates in all.
    package var rounds: Int
    /// Examples in each update.
    package var batchSize: Int
    /// Of the server's steps.
    package var learningRate: Double
    /// Seed of all that is drawn.
    package var seed: UInt64

    package init(rounds: Int, batchSize: Int, learningRate: Double, seed: UInt64) {
      self.rounds = rounds
      self.batchSize = batchSize
      self.learningRate = learningRate
      self.seed = seed
    }
  }

  /// What came of it.
  package struct Result: Sendable, Codable, Equatable {
    /// Held-out examples whose class the model tells.
    package var right: Int
    /// Examples that accuracy was measured on.
    package var count: Int
    /// Mean cross entropy of the last tenth of all rounds' batches, before each step; NaN or infinite
    /// when training diverged.
    package var trainingLoss: JSONNumber
    /// Bytes of all messages of the client.
    package var wireByteCount: Int
    /// Bytes that all undefended updates would have.
    package var plainByteCount: Int

    /// Share of held-out examples that are told right.
    package var accuracy: Double { Double(right) / Double(max(count, 1)) }
  }

  private let model: Model
  private let data: LabelledExamples
  private let backend: any Backend

  package init(_ model: Model, data: LabelledExamples, backend: any Backend) {
    precondition(
      data.classes.count <= model.classCount,
      "\(data.classes.count) classes for \(model.classCount) logits")
    self.model = model
    self.data = data
    self.backend = backend
  }

  /// - Throws: ``AttackError`` when a defence cannot act on this model and data.
  func check(_ defences: DefenceChain, batchSize: Int) throws(AttackError) {
    try defences.check(
      for: DefenceSetting(
        data: data.kind, model: model, batchSize: min(batchSize, data.training.count),
        companionCount: data.training.count))
  }

  /// Trains from fresh weights.
  ///
  /// - Parameter shouldStop: asked after every round; the result is nil when it said so.
  /// - Throws: ``GraphError`` when the backend cannot run the model, ``AttackError`` when a defence does
  ///   not fit it.
  package func train(
    _ defences: DefenceChain, _ settings: Settings, shouldStop: () -> Bool = { false }
  ) throws -> Result? {
    let batchSize = min(settings.batchSize, data.training.count)
    try check(defences, batchSize: settings.batchSize)
    let server = WeightedModel(untrained: model, seed: settings.seed)
    let start = try server.extended(for: defences, batchSize: batchSize, seed: settings.seed)
    var parameters = start.parameters.map { $0.converted(to: .f32).doubles }
    var pipeline = DefencePipeline(defences, seed: settings.seed)
    var order = RandomSource(seed: settings.seed).derive(label: "batches")
    let client: any TrainingClient =
      defences.needsOnlyTheUpdate
      ? try PlainTrainingClient(
        start, batchSize: batchSize, needsExamples: defences.needsExampleGradients,
        backend: backend)
      : ExtendedTrainingClient(start, others: data.training, backend: backend)
    var losses: [Double] = []
    var (sent, plain) = (0, 0)
    for _ in 0..<settings.rounds {
      let batch = order.permutation(of: data.training.count).prefix(batchSize).map {
        data.training[$0]
      }
      let (loss, shared) = try client.share(batch, parameters, through: &pipeline)
      losses.append(loss)
      sent += shared.wireByteCount
      // What a client with the model itself would have sent.
      plain += 4 * model.parameterCount
      for (index, tensor) in shared.update.gradients.enumerated() {
        let step = tensor.doubles
        for element in step.indices {
          parameters[index][element] -= settings.learningRate * step[element]
        }
      }
      if shouldStop() { return nil }
      guard loss.isFinite else { break }
    }
    let last = losses.suffix(max(settings.rounds / 10, 1))
    return Result(
      right: try correctCount(
        parameters, of: server.extended(for: defences, batchSize: 1, seed: settings.seed)),
      count: data.heldOut.count,
      trainingLoss: JSONNumber(last.reduce(0, +) / Double(last.count)), wireByteCount: sent,
      plainByteCount: plain)
  }

  /// - Parameter trained: the model that was trained, for one image.
  private func correctCount(_ parameters: [[Double]], of trained: WeightedModel) throws -> Int {
    guard !data.heldOut.isEmpty else { return 0 }
    let evaluation = try GradientEvaluation(trained.withoutNoise, batchSize: 1, backend: backend)
    return try data.heldOut.count { example in
      let logits = try evaluation.logits(of: example, parameters)
      guard logits.allSatisfy(\.isFinite) else { return false }
      return logits.indices.max { logits[$0] < logits[$1] } == example.label
    }
  }
}

import Leakage
import TensorGraph

/// Trains a small model by rounds of one defended client: each round the client draws a batch, its
/// gradient goes through the defences, and the server takes a step of gradient descent with what
/// arrives.
public struct TrainingRun: Sendable {
  /// How to train.
  public struct Settings: Sendable, Codable, Equatable {
    public var rounds: Int
    public var batchSize: Int
    public var learningRate: Double
    public var seed: UInt64

    public init(rounds: Int, batchSize: Int, learningRate: Double, seed: UInt64) {
      self.rounds = rounds
      self.batchSize = batchSize
      self.learningRate = learningRate
      self.seed = seed
    }
  }

  /// What came of it.
  public struct Result: Sendable, Codable, Equatable {
    /// Held-out examples whose class the model tells.
    public var right: Int
    public var count: Int
    /// Mean cross entropy of the last tenth of all rounds' batches, before each step; NaN or infinite
    /// when training diverged.
    public var trainingLoss: JSONNumber
    /// Bytes of all messages of the client.
    public var wireByteCount: Int
    public var plainByteCount: Int

    /// Share of held-out examples that are told right.
    public var accuracy: Double { Double(right) / Double(max(count, 1)) }
  }

  private let model: Model
  private let data: LabelledImages
  private let backend: any Backend

  public init(_ model: Model, data: LabelledImages, backend: any Backend) {
    precondition(
      data.classes.count <= model.classCount,
      "\(data.classes.count) classes for \(model.classCount) logits")
    self.model = model
    self.data = data
    self.backend = backend
  }

  /// Trains from fresh weights.
  ///
  /// - Parameter shouldStop: asked after every round; the result is nil when it said so.
  /// - Throws: ``GraphError`` when the backend cannot run the model.
  public func train(
    _ defences: DefenceChain, _ settings: Settings, shouldStop: () -> Bool = { false }
  ) throws(GraphError) -> Result? {
    var parameters = model.initialParameters(seed: settings.seed, dtype: .f32).map {
      $0.tensor.doubles
    }
    var pipeline = DefencePipeline(defences, seed: settings.seed)
    var order = RandomSource(seed: settings.seed).derive(label: "batches")
    let batchSize = min(settings.batchSize, data.training.count)
    let gradient = try GradientEvaluation(model, batchSize: batchSize, backend: backend)
    let single =
      pipeline.needsExampleGradients
      ? try GradientEvaluation(model, batchSize: 1, backend: backend) : nil
    var losses: [Double] = []
    var (sent, plain) = (0, 0)
    for _ in 0..<settings.rounds {
      let batch = order.permutation(of: data.training.count).prefix(batchSize).map {
        data.training[$0]
      }
      let (loss, mean) = gradient.evaluate(batch, parameters)
      losses.append(loss)
      let examples =
        single.map { single in batch.map { single.evaluate([$0], parameters).gradients } } ?? []
      let shared = pipeline.apply(mean, batchSize: batchSize, examples: examples)
      sent += shared.wireByteCount
      plain += shared.plainByteCount
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
      right: try correctCount(parameters), count: data.heldOut.count,
      trainingLoss: JSONNumber(last.reduce(0, +) / Double(last.count)), wireByteCount: sent,
      plainByteCount: plain)
  }

  private func correctCount(_ parameters: [[Double]]) throws(GraphError) -> Int {
    guard !data.heldOut.isEmpty else { return 0 }
    let evaluation = try GradientEvaluation(model, batchSize: 1, backend: backend)
    return data.heldOut.count { example in
      let logits = evaluation.logits(of: example, parameters)
      guard logits.allSatisfy(\.isFinite) else { return false }
      return logits.indices.max { logits[$0] < logits[$1] } == example.label
    }
  }
}

/// A compiled gradient of a batch at changing parameters, in f32.
private final class GradientEvaluation {
  private let executable: any Executable
  private let client: ClientGradientGraph
  private let images: HostBuffer
  private let labels: HostBuffer
  private let parameters: [HostBuffer]
  private let outputs: [HostBuffer]

  init(_ model: Model, batchSize: Int, backend: any Backend) throws(GraphError) {
    client = ClientGradientGraph(
      model, batchSize: batchSize, labelForm: .classIndices, dtype: .f32, mode: .training)
    executable = try backend.compile(client.graph)
    let types = client.graph.inputs.map(\.type)
    images = HostBuffer(types[client.images])
    labels = HostBuffer(types[client.labels])
    parameters = client.parameters.map { HostBuffer(types[$0]) }
    outputs = client.graph.outputTypes.map { HostBuffer($0) }
    executable.bind(input: client.images, to: images)
    executable.bind(input: client.labels, to: labels)
    for (input, tensor) in zip(client.buffers, model.initialBuffers(dtype: .f32)) {
      executable.bind(input: input, to: HostBuffer(tensor.tensor))
    }
    for (index, buffer) in outputs.enumerated() { executable.bind(output: index, to: buffer) }
  }

  private func run(_ batch: [LabelledImages.Example], _ values: [[Double]]) {
    images.write(Tensor(images.type.shape, .f32, batch.flatMap(\.image)))
    labels.write(Tensor(labels.type.shape, .i32, batch.map { Double($0.label) }))
    for (index, input) in client.parameters.enumerated() {
      parameters[index].write(Tensor(parameters[index].type.shape, .f32, values[index]))
      executable.bind(input: input, to: parameters[index])
    }
    executable.run()
  }

  func evaluate(
    _ batch: [LabelledImages.Example], _ values: [[Double]]
  ) -> (loss: Double, gradients: [Tensor]) {
    run(batch, values)
    return (outputs[client.loss].read().scalarValue, client.gradients.map { outputs[$0].read() })
  }

  func logits(of example: LabelledImages.Example, _ values: [[Double]]) -> [Double] {
    run([example], values)
    return outputs[client.logits].read().doubles
  }
}

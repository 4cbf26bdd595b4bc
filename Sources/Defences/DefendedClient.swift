import Clients
import TensorGraph

extension WeightedModel {
  /// The update that a client with this private batch shares after its defences.
  ///
  /// - Parameters:
  ///   - images: [N, C, H, W], of the element type to compute in.
  ///   - labels: N class indices, or as many for each image as the model gives.
  ///   - training: the client's local steps, after which the defences are applied to the update; nil
  ///     for one gradient.
  ///   - companions: other images, where ``DefenceChain/needsCompanions``.
  ///   - pipeline: the client's defences, with what they keep from earlier rounds.
  /// - Throws: ``AttackError`` when the backend cannot run the model, DP-SGD or Soteria meets several
  ///   steps, another defence than noise the mean of several clients, or a defence needs more
  ///   companions.
  public func share(
    images: Tensor, labels: [Int], loss: ClientLoss = .meanCrossEntropy,
    training: LocalTraining? = nil, mode: ForwardMode = .evaluation,
    companions: [Companion] = [], through pipeline: inout DefencePipeline, backend: any Backend
  ) throws(AttackError) -> DefendedUpdate {
    try pipeline.chain.check(
      for: DefenceSetting(
        model: pipeline.chain.changesModel ? nil : model, batchSize: images.shape[0],
        training: training, loss: loss, companionCount: companions.count))
    let training = try pipeline.chain.joining(training, batchSize: images.shape[0])
    let batch = try pipeline.encode(
      images: images, labels: labels, classCount: loss.labelCount(classCount: model.classCount),
      companions: companions)
    let client = pipeline.drawingNoise(for: self)
    let (update, clientLoss) = try client.share(
      batch, loss: loss, training: training, mode: mode, backend: backend)
    var examples: [[Tensor]] = []
    if pipeline.chain.needsExampleGradients {
      for example in batch.examples {
        examples.append(
          try client.share(example, loss: loss, training: nil, mode: mode, backend: backend)
            .update.gradients)
      }
    }
    let representation =
      pipeline.chain.needsRepresentation
      ? try client.representation(of: batch.images, mode: mode, backend: backend) : nil
    var shared = pipeline.apply(
      update.gradients, batchSize: update.batchSize, loss: loss, training: training,
      examples: examples, names: model.parameters.map(\.name), representation: representation)
    shared.encodings = batch.encodings
    shared.labels = batch.labels
    shared.clientLoss = clientLoss
    return shared
  }

  /// The model that the defences leave to train, as the server sends it: this one, with adapters or with
  /// a bottleneck for batches of `batchSize`.
  ///
  /// - Parameter seed: of what is added, which the server draws.
  /// - Throws: ``AttackError`` when a defence does not fit the model.
  public func extended(
    for defences: DefenceChain, batchSize: Int, seed: UInt64
  ) throws(AttackError) -> WeightedModel {
    var model = self
    for case let defence as any ModelDefence in defences.defences {
      model = try defence.extend(model, batchSize: batchSize, seed: seed)
    }
    return model
  }

  /// The update of an encoded batch, and the loss.
  private func share(
    _ batch: EncodedBatch, loss: ClientLoss, training: LocalTraining?, mode: ForwardMode,
    backend: any Backend
  ) throws(AttackError) -> (update: SharedUpdate, loss: Double) {
    if let labels = batch.labels {
      let result = try step(
        images: batch.images, labels: labels, loss: loss, training: training, mode: mode,
        backend: backend)
      return (result.update, result.loss)
    }
    // Mixed labels are mixed targets.
    let targets = batch.shares.map { shares in
      shares.enumerated().reduce([Double](repeating: 0, count: model.classCount)) { sum, part in
        zip(sum, loss.target(of: part.offset, classCount: model.classCount)).map {
          $0 + part.element * $1
        }
      }
    }
    let shares = Tensor(
      [targets.count, model.classCount], batch.images.dtype, targets.flatMap(\.self))
    let result = try step(
      images: batch.images, labels: shares, form: .probabilities, loss: loss, training: training,
      mode: mode, backend: backend)
    return (result.update, result.loss)
  }
}

extension EncodedBatch {
  /// Each image as a batch of its own.
  fileprivate var examples: [EncodedBatch] {
    let (elements, count) = (images.doubles, images.shape[0])
    let (size, labels) = (elements.count / count, shares.count / count)
    let shape = Shape([1] + images.shape.dimensions.dropFirst())
    return (0..<count).map { index in
      let image = Tensor(shape, images.dtype, Array(elements[index * size..<(index + 1) * size]))
      return EncodedBatch(
        images: image, shares: Array(shares[index * labels..<(index + 1) * labels]), encodings: nil)
    }
  }
}

extension DefenceChain {
  /// The training of all clients behind the update of one that trains like this, on `batchSize`
  /// examples: others train alike on as many of their own under secure aggregation.
  ///
  /// - Throws: ``AttackError`` when these are too many steps.
  fileprivate func joining(
    _ training: LocalTraining?, batchSize: Int
  ) throws(AttackError) -> LocalTraining? {
    guard clientCount > 1 else { return training }
    // A single plain step does not depend on its rate.
    guard let training else {
      return try LocalTraining(
        clientSizes: Array(repeating: batchSize, count: clientCount), miniBatchSize: batchSize,
        learningRate: 1)
    }
    return try training.multiplied(by: clientCount)
  }
}

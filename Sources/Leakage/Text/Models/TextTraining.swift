import TensorGraph

/// Follows a client's local steps: what its update is for a batch of texts.
///
/// Not synchronised: one thread at a time.
final class TextTraining {
  private let original: ParameterBuffers
  /// The weights as the steps change them.
  private let weights: ParameterBuffers
  private let training: LocalTraining
  private let backend: any Backend
  private let length: Int
  private struct Kind: Hashable {
    let size: Int
    let hasSegments: Bool
  }
  /// One for each kind of mini-batch.
  private var evaluators: [Kind: TextEvaluator] = [:]

  var model: TextModel { original.model }

  init(
    _ original: ParameterBuffers, _ training: LocalTraining, length: Int, backend: any Backend
  ) {
    self.original = original
    self.training = training
    self.backend = backend
    self.length = length
    weights = original.copy()
  }

  /// (Weights before - weights after) / learning rate, one tensor for each parameter; of several clients the
  /// mean, weighted by their numbers of texts. Weights are of the precision that is computed in, as those that
  /// a client shares are.
  func update(of batch: TextBatch) throws(AttackError) -> [Tensor] {
    let sizes = training.clientSizes
    guard sizes.count > 1 else { return try update(of: batch, by: training.steps) }
    let total = Double(sizes.reduce(0, +))
    var mean: [[Double]] = []
    var shared: [Tensor] = []
    for (steps, size) in zip(training.clients, sizes) {
      shared = try update(of: batch, by: steps)
      if mean.isEmpty { mean = shared.map { [Double](repeating: 0, count: $0.shape.elementCount) } }
      for (index, tensor) in shared.enumerated() {
        for (place, number) in tensor.doubles.enumerated() {
          mean[index][place] += Double(size) / total * number
        }
      }
    }
    return zip(shared, mean).map { Tensor($0.shape, $0.dtype, $1) }
  }

  /// What one client's steps come to.
  private func update(of batch: TextBatch, by steps: [[Int]]) throws(AttackError) -> [Tensor] {
    let names = model.parameters.map(\.name)
    for name in names { weights.buffer(name).write(original.converted(name)) }
    var velocities: [[Double]] = []
    for step in steps {
      let evaluator = try evaluator(Kind(size: step.count, hasSegments: batch.hasSegments))
      evaluator.weightsHaveChanged()
      let gradients = try evaluator.evaluate(batch.texts(at: step)).gradients
      for (index, name) in names.enumerated() {
        let before = weights.buffer(name).read()
        var direction = gradients[index].doubles
        var values = before.doubles
        if training.weightDecay > 0 {
          for place in values.indices { direction[place] += training.weightDecay * values[place] }
        }
        if training.momentum > 0 {
          if velocities.count > index {
            for place in direction.indices {
              direction[place] += training.momentum * velocities[index][place]
            }
            velocities[index] = direction
          } else {
            velocities.append(direction)
          }
        }
        for place in values.indices { values[place] -= training.learningRate * direction[place] }
        weights.buffer(name).write(Tensor(before.shape, before.dtype, values))
      }
    }
    return names.map { name in
      let (before, after) = (original.converted(name), weights.buffer(name).read())
      return Tensor(
        before.shape, before.dtype,
        zip(before.doubles, after.doubles).map { ($0 - $1) / training.learningRate })
    }
  }

  private func evaluator(_ kind: Kind) throws(AttackError) -> TextEvaluator {
    if let evaluator = evaluators[kind] { return evaluator }
    let evaluator = try TextEvaluator(
      weights, batchSize: kind.size, length: length, hasSegments: kind.hasSegments,
      backend: backend)
    evaluators[kind] = evaluator
    return evaluator
  }
}

extension LocalTraining {
  /// Whether the update is the gradient of all texts together: of one client that takes one step, or of several
  /// where the loss is a mean over texts.
  func isJointGradient(of model: TextModel) -> Bool {
    guard isOneStep, clients.count > 1 else { return isOneGradient }
    if case .classification = model.configuration.head { return true }
    return false
  }
}

extension WeightedTextModel {
  /// The update of a client that takes several local steps.
  ///
  /// - Throws: ``AttackError`` when the batch does not fit the model or the backend cannot run it.
  func update(
    of batch: TextBatch, _ training: LocalTraining, dtype: DType, backend: any Backend
  ) throws(AttackError) -> [Tensor] {
    try model.check(batch)
    return try TextTraining(
      ParameterBuffers(self, dtype: dtype), training, length: batch.length, backend: backend
    ).update(of: batch)
  }
}

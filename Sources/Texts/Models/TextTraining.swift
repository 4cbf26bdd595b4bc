import Clients
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

  /// (Weights before - weights after) / learning rate, one tensor for each parameter, without what decoupled decay
  /// took off the weights before; of several clients the
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
  private func update(of batch: TextBatch, by batches: [[Int]]) throws(AttackError) -> [Tensor] {
    let names = model.parameters.map(\.name)
    let start = names.map { original.converted($0) }
    for (name, tensor) in zip(names, start) { weights.buffer(name).write(tensor) }
    var steps = ClientSteps(training, from: start.map { PlainNumbers($0.doubles) }, states: states)
    let accumulated = training.rule.accumulation
    for first in stride(from: 0, to: batches.count, by: accumulated) {
      var gradients: [[PlainNumbers]] = []
      for examples in batches[first..<first + accumulated] {
        let evaluator = try evaluator(Kind(size: examples.count, hasSegments: batch.hasSegments))
        evaluator.weightsHaveChanged()
        gradients.append(
          try evaluator.evaluate(batch.texts(at: examples)).gradients.map {
            PlainNumbers($0.doubles)
          })
      }
      steps.step(gradients)
      for (index, name) in names.enumerated() {
        let buffer = weights.buffer(name)
        buffer.write(Tensor(start[index].shape, start[index].dtype, steps.weights[index].elements))
        steps.weights[index] = PlainNumbers(buffer.read().doubles)
      }
    }
    return zip(start, steps.weights).map { before, after in
      let difference = Tensor(
        before.shape, before.dtype,
        zip(before.doubles, after.elements).map { ($0 - $1) / training.learningRate })
      return training.takingOffDecay(difference, weights: before).converted(to: before.dtype)
    }
  }

  /// What the optimiser kept from earlier rounds, for each parameter.
  private var states: [[String: PlainNumbers]] {
    guard let state = training.rule.state else { return [] }
    let tensors = state.named(for: model.parameters).map { PlainNumbers($0.tensor.doubles) }
    return state.grouped(tensors, parameterCount: model.parameters.count)
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

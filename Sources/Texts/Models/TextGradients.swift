import Clients
import TensorGraph

/// Losses, logits and gradients of a language model at weights that change from call to call, compiled once for each size of
/// batches.
///
/// Not synchronised: one thread at a time.
package final class TextGradients {
  private let weights: ParameterBuffers
  private let length: Int
  private let backend: any Backend
  private var evaluators: [Int: TextEvaluator] = [:]

  /// - Parameters:
  ///   - weighted: the model.
  ///   - length: tokens of a text at most, special ones included.
  package init(_ weighted: WeightedTextModel, length: Int, backend: any Backend) {
    weights = ParameterBuffers(weighted, dtype: .f32)
    self.length = length
    self.backend = backend
  }

  /// - Parameters:
  ///   - batch: of texts without segments.
  ///   - values: one f32 tensor for each parameter.
  /// - Returns: logits and gradients in f32, one for each parameter.
  /// - Throws: ``AttackError`` when the batch does not fit the model or the backend cannot run it.
  package func evaluate(
    _ batch: TextBatch, at values: [Tensor]
  ) throws(AttackError) -> (loss: Double, logits: Tensor, gradients: [Tensor]) {
    try weights.model.check(batch)
    for (parameter, value) in zip(weights.model.parameters, values) {
      weights.buffer(parameter.name).write(value)
    }
    let evaluator = try evaluator(batch.tokens.count)
    evaluator.weightsHaveChanged()
    return try evaluator.evaluate(batch)
  }

  private func evaluator(_ size: Int) throws(AttackError) -> TextEvaluator {
    if let known = evaluators[size] { return known }
    let evaluator = try TextEvaluator(weights, batchSize: size, length: length, backend: backend)
    evaluators[size] = evaluator
    return evaluator
  }
}

import Clients
import TensorGraph

extension TextUpdate {
  /// The gradient behind the single step of a fresh adaptive optimiser; nil when the update is not of such a step, or
  /// rounding leaves too little of it.
  ///
  /// - Parameter weighted: before the step.
  package func undoingFirstStep(from weighted: WeightedTextModel) -> TextUpdate? {
    guard adapters == nil, noiseDeviations.isEmpty, let training,
      let inverse = FirstStepInverse(training), training.rule.clipNorm == nil,
      training.rule.clipValue == nil, training.rule.accumulation == 1
    else { return nil }
    var found: [String: Tensor] = [:]
    var (energy, square) = (0.0, 0.0)
    for (spec, weights) in zip(weighted.model.parameters, weighted.parameters) {
      guard let tensor = gradients[spec.name] else { continue }
      let own = tensor.dtype == .f64 ? 0x1p-54 : 0x1p-25
      guard
        let gradient = inverse.gradient(
          of: tensor, weights: weights, error: max(own, rounding?.deviation(of: weights) ?? 0))
      else { return nil }
      found[spec.name] = gradient.tensor
      energy += gradient.energy
      square += gradient.tensor.squaredNorm
    }
    guard square > 0, energy <= FirstStepInverse.tolerableError * square else { return nil }
    return try? TextUpdate(gradients: found, batchSize: batchSize, model: weighted.model)
  }
}

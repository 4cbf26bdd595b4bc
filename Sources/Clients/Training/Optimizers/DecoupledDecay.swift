import TensorGraph

extension LocalTraining {
  /// The reverse of ``takingOffDecay(_:weights:)``, but for dust.
  package func addingDecay(_ update: Tensor, weights: Tensor) -> Tensor {
    let kept = rule.keptShare(afterSteps: stepsPerClient, learningRate: learningRate)
    guard kept != 1 else { return update }
    let elements = zip(update.doubles, weights.doubles).map {
      $0 + (1 - kept) * $1 / learningRate
    }
    return Tensor(update.shape, update.dtype, elements)
  }

  /// An update, (weights before - weights after) / learning rate, without what decoupled decay took off the weights
  /// before.
  ///
  /// Rounding of f32 weights leaves dust of it where nothing else moved them, which is taken off too.
  ///
  /// - Parameters:
  ///   - update: as it was read.
  ///   - weights: before the steps.
  package func takingOffDecay(_ update: Tensor, weights: Tensor) -> Tensor {
    let kept = rule.keptShare(afterSteps: stepsPerClient, learningRate: learningRate)
    guard kept != 1 else { return update }
    let steps = Double(stepsPerClient)
    let areSingle = weights.dtype == .f32 || weights.doubles.allSatisfy { Double(Float($0)) == $0 }
    let elements = zip(update.doubles, weights.doubles).map { number, weight -> Double in
      let left = number - (1 - kept) * weight / learningRate
      let dust = areSingle ? 2 * steps * Double(Float(weight).ulp) / learningRate : 0
      return abs(left) <= dust ? 0 : left
    }
    return Tensor(update.shape, .f64(elements))
  }
}

extension SharedUpdate {
  /// The tensors that a client sends: its gradient, or after local steps the difference of weights, after minus before.
  ///
  /// - Parameter weighted: before the steps.
  package func sent(from weighted: WeightedModel) -> [Tensor] {
    guard let training, !training.isOneStep else { return gradients }
    return zip(gradients, weighted.parameters).map { gradient, weights in
      let whole =
        training.rule.optimizer.isDecayDecoupled
        ? training.addingDecay(gradient, weights: weights) : gradient
      return whole.multiplied(by: -training.learningRate)
    }
  }
}

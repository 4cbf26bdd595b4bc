import TensorGraph

/// One step of a fresh adaptive optimiser, undone.
///
/// Its moves are u = h / (κ |h| + ε), h being the gradient with its penalty. Of κ |u| the part that is missing to 1 tells
/// how large h is: h = ε u / (1 - κ |u|). An error δ of u becomes one of δ (κ |h| + ε)² / ε, so that numbers in f64 tell
/// gradients to many digits, and a difference of weights in f32 tells signs, zeros, and the sizes of what is not much
/// above ε.
package struct FirstStepInverse {
  private let divisor: Double
  private let epsilon: Double
  private let penalty: Double
  private let factor: Double

  /// What was left of one tensor.
  package struct Gradient {
    package let tensor: Tensor
    /// The squared error that the update's rounding has in it.
    package let energy: Double
  }

  /// The relative squared error up to which a gradient that was found so is taken for one.
  package static let tolerableError = 1e-5

  /// Nil when the training is not of one such step of one client.
  package init?(_ training: LocalTraining) {
    let rule = training.rule
    factor = rule.schedule.factor(ofStep: 0)
    guard training.clients.count == 1, training.stepsPerClient == 1, rule.state == nil, factor > 0,
      let divisor = rule.optimizer.rule.firstDivisor(rule.optimizer)
    else { return nil }
    self.divisor = divisor
    epsilon = rule.optimizer[.epsilon]
    penalty = rule.optimizer.isDecayDecoupled ? 0 : rule.optimizer[.weightDecay]
  }

  /// What no number of the update exceeds.
  package var largestMove: Double { factor / divisor }

  /// The gradient of a parameter.
  ///
  /// - Parameters:
  ///   - update: of the parameter, as ``SharedUpdate`` has it.
  ///   - weights: before the step.
  ///   - error: the root mean square of the update's errors.
  /// - Returns: nil when a number tells no size.
  package func gradient(of update: Tensor, weights: Tensor, error: Double) -> Gradient? {
    var elements = update.doubles
    let before = weights.doubles
    var energy = 0.0
    let error = error / factor
    for place in elements.indices {
      let move = elements[place] / factor
      let left = 1 - divisor * abs(move)
      guard move == 0 || left > 4 * divisor * error && left > 0 else { return nil }
      let slope = move == 0 ? 0 : epsilon / (left * left)
      energy += slope * slope * error * error
      elements[place] = (move == 0 ? 0 : epsilon * move / left) - penalty * before[place]
    }
    return Gradient(tensor: Tensor(update.shape, .f64(elements)), energy: energy)
  }
}

extension SharedUpdate {
  /// The gradient behind the single step of a fresh adaptive optimiser, with the errors that the update's rounding
  /// has in it; clipped, where the client clips.
  ///
  /// - Parameter weights: before the step.
  /// - Returns: nil when the update is not of such a step, or tells the gradient too coarsely.
  package func undoingFirstStep(from weights: [Tensor]) -> SharedUpdate? {
    guard let training, let inverse = FirstStepInverse(training) else { return nil }
    var tensors = gradients
    var energies = [Double](repeating: 0, count: gradients.count)
    var square = 0.0
    for index in sharedParameters {
      let count = Double(max(gradients[index].shape.elementCount, 1))
      guard
        let found = inverse.gradient(
          of: gradients[index], weights: weights[index],
          error: (roundingEnergies[index] / count).squareRoot())
      else { return nil }
      (tensors[index], energies[index]) = (found.tensor, found.energy)
      square += found.tensor.squaredNorm
    }
    let relative = energies.reduce(0, +) / max(square, .leastNormalMagnitude)
    guard square > 0, relative <= FirstStepInverse.tolerableError else { return nil }
    let rule = training.rule
    return SharedUpdate(
      gradients: tensors, batchSize: batchSize, loss: loss,
      training: LocalTraining(
        copying: training, clients: training.clients,
        rule: StepRule(
          accumulation: rule.accumulation, clipNorm: rule.clipNorm, clipValue: rule.clipValue)),
      sharedParameters: sharedParameters, relativeRounding: max(relative, relativeRounding),
      roundingEnergies: energies, origin: origin)
  }
}

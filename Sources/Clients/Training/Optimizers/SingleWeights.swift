import TensorGraph

extension SharedUpdate {
  /// The same from a client that keeps its weights in f32: what it shares is a difference of them, and so carries
  /// their rounding.
  ///
  /// - Parameter weights: before the client's steps.
  func throughSingleWeights(_ weights: [Tensor]) -> SharedUpdate {
    guard let training, training.rule.areWeightsSingle else { return self }
    let rate = training.learningRate
    let kept = training.rule.keptShare(afterSteps: training.stepsPerClient, learningRate: rate)
    var energies = roundingEnergies
    let tensors = gradients.enumerated().map { index, update in
      let before = weights[index].doubles.map { Double(Float($0)) }
      energies[index] = 0
      let difference = zip(before, update.doubles).map { weight, move -> Double in
        let after = Float(weight * kept - rate * move)
        let unit = Double(max(after.ulp, Float(weight).ulp)) / rate
        energies[index] += unit * unit / 12
        return (weight - Double(after)) / rate
      }
      return training.takingOffDecay(
        Tensor(update.shape, .f64(difference)), weights: Tensor(update.shape, .f64(before)))
    }
    let square = tensors.reduce(0) { $0 + $1.doubles.reduce(0) { $0 + $1 * $1 } }
    return SharedUpdate(
      gradients: tensors, batchSize: batchSize, loss: loss, training: training,
      sharedParameters: sharedParameters,
      relativeRounding: energies.reduce(0, +) / max(square, .leastNormalMagnitude),
      roundingEnergies: energies, origin: origin)
  }
}

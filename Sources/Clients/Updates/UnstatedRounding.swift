import TensorGraph

/// Rounding that a file does not name and that shows all the same, such as that of a sum of quantised updates.
extension SharedUpdate {
  /// Noise on the last layer's gradient up to which it is taken for rounding, relative to that gradient: more is
  /// no accident of numbers.
  private static let mostUnstatedRounding = 1e-3

  /// How far above the rounding of the numbers' format it has to show: a client's own arithmetic is some units in
  /// the last place off.
  private static let leastFactor = 100.0

  /// The update with ``roundingEnergies`` no smaller than what the last layer shows, spread evenly over all numbers, as
  /// a fixed step of quantisation spreads it. Only the gradient of a cross entropy shows it: without rounding each column
  /// of the last layer's gradient sums to 0 over the classes.
  package func statingUnstatedRounding(_ model: Model) -> SharedUpdate {
    guard loss.kind == .crossEntropy, training == nil, let classifier = model.classifier,
      sharedParameters.contains(classifier.weight),
      let gradient = ClassifierGradient(self, model), let rows = gradient.rows,
      let deviation = gradient.noiseDeviation
    else { return self }
    let variance = deviation * deviation
    let noise = variance * Double(rows.count)
    let energy = rows.reduce(0) { $0 + $1 * $1 }
    guard noise > Self.leastFactor * roundingEnergies[classifier.weight],
      noise < Self.mostUnstatedRounding * Self.mostUnstatedRounding * energy
    else { return self }
    var energies = roundingEnergies
    for index in sharedParameters {
      let own = gradients[index].doubles.reduce(0) { $0 + $1 * $1 }
      let spread = variance * Double(gradients[index].shape.elementCount)
      energies[index] = max(energies[index], min(spread, own))
    }
    return SharedUpdate(
      gradients: gradients, batchSize: batchSize, loss: loss, training: training,
      sharedParameters: sharedParameters,
      relativeRounding: energies.reduce(0, +) / max(squaredNorm, .leastNormalMagnitude),
      roundingEnergies: energies, origin: origin)
  }
}

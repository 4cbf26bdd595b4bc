import Solvers

extension UpdateInTransit {
  /// Rounds each number at random to a multiple of its tensor's `scale` divided by `levels`.
  mutating func quantizeStochastically(
    levels: Double, scale: ([Double]) -> Double, using rounded: (Double) -> Double
  ) {
    changeParts { part in
      let step = scale(part.values) / levels
      guard step > 0, step.isFinite else { return }
      var squaredError = 0.0
      for index in part.values.indices {
        let value = part.values[index]
        part.values[index] = (value < 0 ? -step : step) * rounded(value.magnitude / step)
        // A number x = (k + p) levels has variance p (1 - p) step²: at most a quarter, and for small
        // ones about x step, whose mean the rounded numbers tell.
        squaredError += min(step * step / 4, step * part.values[index].magnitude)
      }
      part.noiseVariance += squaredError / Double(part.values.count)
    }
  }
}

extension RandomSource {
  /// `value` rounded down or up at random, up with a probability of its fraction, so that the mean is
  /// `value`.
  mutating func stochasticallyRounded(_ value: Double) -> Double {
    let floor = value.rounded(.down)
    return uniform() < value - floor ? floor + 1 : floor
  }
}

extension UpdateInTransit {
  /// Scales all down to at most this norm.
  mutating func clip(norm limit: Double) {
    let norm = norm
    guard norm > limit else { return }
    multiply(by: limit / norm)
    if scale == .kept { scale = .lostTogether }
    wire.setValues(bits: 32, tensorOverhead: 0)
  }
}

extension DefencePipeline {
  /// The mean of examples' gradients, each scaled down to at most `norm`, with normal noise of standard
  /// deviation `noiseMultiplier` · `norm` on the sum (Abadi et al. 2016, algorithm 1).
  ///
  /// - Parameter examples: the gradient of each example: one array of values per tensor.
  static func clippedMean(
    _ examples: [[[Double]]], norm limit: Double, noiseMultiplier: Double,
    using source: inout RandomSource
  ) -> (mean: [[Double]], wasClipped: Bool) {
    precondition(!examples.isEmpty, "the mean of no examples")
    var sum = examples[0].map { [Double](repeating: 0, count: $0.count) }
    var wasClipped = false
    for example in examples {
      let norm = example.reduce(0) { $0 + $1.reduce(0) { $0 + $1 * $1 } }.squareRoot()
      let factor = norm > limit ? limit / norm : 1
      wasClipped = wasClipped || norm > limit
      for tensor in sum.indices {
        for index in sum[tensor].indices { sum[tensor][index] += factor * example[tensor][index] }
      }
    }
    let deviation = noiseMultiplier * limit
    let count = Double(examples.count)
    for tensor in sum.indices {
      for index in sum[tensor].indices {
        let noise = deviation > 0 ? deviation * source.normal() : 0
        sum[tensor][index] = (sum[tensor][index] + noise) / count
      }
    }
    return (sum, wasClipped)
  }
}

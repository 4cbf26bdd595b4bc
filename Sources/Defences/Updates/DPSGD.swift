import Solvers

/// Clips each example's gradient to `norm`, and adds normal noise of standard deviation
/// `noiseMultiplier` · `norm` to their sum.
struct DPSGD: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "dp-sgd", parameters: [.norm, DefenceDescriptor.Parameter("noise", 0...1e6)],
    summary: "clips each example's gradient, adds noise of NOISE times NORM to their sum",
    source: "Abadi et al. 2016, arXiv 1607.00133, algorithm 1",
    answer: DefenceDescriptor.Answer(
      DefenceDescriptor.Answer.underNoise.summary
        + "; the direction alone where the client clipped"),
    strength: DefenceDescriptor.Strength("noise multiplier", parameter: 1),
    strengths: DefenceDescriptor.Strengths(isStandard: true) { norm in
      [1e-4, 1e-3, 1e-2, 0.1, 1, 10].map { DPSGD(norm: norm, noiseMultiplier: $0) }
    },
    needs: DefenceNeeds(
      oneStepOnly: "DP-SGD clips the gradients of single examples in each step",
      singleExamples: "clips"),
    priced: [DPSGD(norm: 1, noiseMultiplier: 1.1)],
    privacy: .accounted,
    make: { DPSGD(norm: $0[0], noiseMultiplier: $0[1]) })

  let norm: Double
  let noiseMultiplier: Double
  var values: [Double] { [norm, noiseMultiplier] }
  var guaranteedNoise: ClippedNoise? { ClippedNoise(clip: norm, multiplier: noiseMultiplier) }

  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    let (mean, wasClipped) = DPSGD.clippedMean(
      round.examples.map { $0.map(\.doubles) }, norm: norm, noiseMultiplier: noiseMultiplier,
      using: &round.source)
    for (part, values) in mean.enumerated() {
      update.setPart(part, positions: nil, values: values)
    }
    let deviation = noiseMultiplier * norm / Double(round.batchSize)
    update.changeParts { $0.noiseVariance = deviation * deviation }
    if round.reduction == .sum { update.multiply(by: Double(round.batchSize)) }
    if wasClipped { update.scale = .lostTogether }
  }

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

import Solvers

/// Rounds to 256 levels between each tensor's least and greatest number, to the nearest.
struct Int8Rounding: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "int8",
    summary: "256 levels between each tensor's least and greatest number, to the nearest",
    source: "Jacob et al. 2018, arXiv 1712.05877, section 2.1", answer: .byStep,
    strengths: DefenceDescriptor.Strengths([Int8Rounding()], isStandard: true),
    priced: [Int8Rounding()],
    privacy: .deterministic,
    make: { _ in Int8Rounding() })

  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    update.quantizeToInt8(isStochastic: false, using: &round.source)
  }
}

/// Rounds to the same levels at random.
struct StochasticInt8Rounding: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "int8-stochastic",
    summary: "the same levels, rounded up or down at random so that the mean is right",
    source: "Gupta et al. 2015, arXiv 1502.02551, section 3", answer: .byStep,
    make: { _ in StochasticInt8Rounding() })

  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    update.quantizeToInt8(isStochastic: true, using: &round.source)
  }
}

extension UpdateInTransit {
  /// Rounds each tensor's numbers to 256 equally spaced levels from its least to its greatest: the
  /// nearest one, or at random the one above or below so that the mean is right.
  fileprivate mutating func quantizeToInt8(
    isStochastic: Bool, using source: inout RandomSource
  ) {
    changeParts { part in
      guard let least = part.values.min(), let greatest = part.values.max() else { return }
      let step = (greatest - least) / 255
      guard step > 0, step.isFinite else { return }
      for index in part.values.indices {
        let level = (part.values[index] - least) / step
        let chosen =
          isStochastic ? source.stochasticallyRounded(level) : level.rounded(.toNearestOrEven)
        part.values[index] = least + min(max(chosen, 0), 255) * step
      }
      part.noiseVariance += step * step / (isStochastic ? 6 : 12)
    }
    wire.setValues(bits: 8, tensorOverhead: 8)
  }
}

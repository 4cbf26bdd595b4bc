/// TernGrad: -1, 0 or 1 times each tensor's greatest magnitude.
struct TernGrad: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "terngrad", summary: "-1, 0 or 1 times each tensor's greatest magnitude, at random",
    source: "Wen et al. 2017, arXiv 1705.07878, section 3.1", answer: .byStep,
    strengths: DefenceDescriptor.Strengths([TernGrad()]),
    priced: [TernGrad()],
    make: { _ in TernGrad() })

  /// s sign(gᵢ) bᵢ, bᵢ being 1 with probability |gᵢ| / s, and s each tensor's greatest magnitude (Wen et
  /// al. 2017, equations 1-3).
  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    update.quantizeStochastically(levels: 1) { values in
      values.reduce(0) { max($0, $1.magnitude) }
    } using: {
      round.source.stochasticallyRounded($0)
    }
    update.wire.setValues(bits: 2, tensorOverhead: 4)
  }
}

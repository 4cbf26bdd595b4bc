/// QSGD: stochastic rounding to this many levels of each tensor's norm.
struct QSGD: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "qsgd", parameters: [DefenceDescriptor.Parameter("levels", 1...1_000_000, isWhole: true)],
    summary: "so many levels of each tensor's norm, rounded at random",
    source: "Alistarh et al. 2017, arXiv 1610.02132, section 3.1", answer: .byStep,
    strength: DefenceDescriptor.Strength("levels", isStrongerWhenSmaller: true),
    priced: [QSGD(levels: 4)],
    make: { QSGD(levels: Int($0[0])) })

  let levels: Int
  var values: [Double] { [Double(levels)] }

  /// ‖v‖ sign(vᵢ) ξᵢ / s, ξᵢ being s |vᵢ| / ‖v‖ rounded at random (Alistarh et al. 2017, equation 3.1),
  /// with each tensor as a bucket.
  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    update.quantizeStochastically(levels: Double(levels)) { values in
      values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    } using: {
      round.source.stochasticallyRounded($0)
    }
    update.wire.setValues(bits: bits(of: 2 * levels + 1), tensorOverhead: 4)
  }
}

/// Bits that tell one of `count` values.
private func bits(of count: Int) -> Double {
  Double(Int.bitWidth - (count - 1).leadingZeroBitCount)
}

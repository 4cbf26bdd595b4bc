/// Scales the whole update down to at most this norm.
package struct NormClipping: UpdateDefence {
  package static let descriptor = DefenceDescriptor(
    name: "clip", parameters: [.norm], summary: "scales the update down to at most this norm",
    source: "Pascanu et al. 2013, arXiv 1211.5063, section 3.2",
    answer: DefenceDescriptor.Answer(
      "matches the direction where the norm shows that it was clipped"),
    strength: DefenceDescriptor.Strength("norm", isStrongerWhenSmaller: true),
    privacy: .deterministic,
    make: { NormClipping(limit: $0[0]) })

  package let limit: Double
  package var values: [Double] { [limit] }

  package func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    let norm = update.norm
    guard norm > limit else { return }
    update.multiply(by: limit / norm)
    if update.scale == .kept { update.scale = .lostTogether }
    update.wire.setValues(bits: 32, tensorOverhead: 0)
  }
}

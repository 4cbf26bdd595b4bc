/// The signs alone.
struct SignSGD: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "signsgd", summary: "the signs alone",
    source: "Bernstein et al. 2018, arXiv 1802.04434, algorithm 1",
    answer: DefenceDescriptor.Answer("matches each tensor's direction, not its size"),
    strengths: DefenceDescriptor.Strengths([SignSGD()]),
    priced: [SignSGD()],
    privacy: .deterministic,
    make: { _ in SignSGD() })

  /// -1, 0 or 1. Nothing is left of the tensors' sizes.
  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    update.changeParts { part in
      for index in part.values.indices {
        let value = part.values[index]
        part.values[index] = value > 0 ? 1 : value < 0 ? -1 : 0
      }
      part.noiseVariance = 0
    }
    update.scale = .lostPerTensor
    update.wire.setValues(bits: 1, tensorOverhead: 0)
  }
}

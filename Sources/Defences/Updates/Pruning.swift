/// Leaves out this share of each tensor: the numbers of smallest magnitude.
struct Pruning: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "prune", parameters: [.share],
    summary: "leaves out this share of each tensor, smallest magnitudes first",
    source: "Zhu et al. 2019, section 5.2", answer: .ofWhatWasSent,
    strength: DefenceDescriptor.Strength("share left out"),
    strengths: DefenceDescriptor.Strengths(
      [0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999].map { Pruning(share: $0) }, isStandard: true,
      effort: .deficient),
    priced: [0.3, 0.7, 0.99].map { Pruning(share: $0) },
    privacy: .deterministic,
    make: { Pruning(share: $0[0]) })

  let share: Double
  var values: [Double] { [share] }

  /// Leaves out the ⌊share · n⌋ numbers of smallest magnitude of each tensor of n; of equal ones the
  /// first.
  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    update.keep(
      update.parts.map { part in
        let count = part.values.count
        return largest(count - Int(share * Double(count)), of: part.values)
      })
    update.wire.setSparse(isSeeded: false)
  }
}

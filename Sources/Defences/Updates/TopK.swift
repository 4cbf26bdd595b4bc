/// Shares only this share of the whole update: the numbers of largest magnitude.
struct TopK: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "top-k", parameters: [.share],
    summary: "sends this share of the whole update, largest magnitudes first",
    source: "Stich et al. 2018, arXiv 1809.07599, definition 2.1", answer: .ofWhatWasSent,
    strength: DefenceDescriptor.Strength("share that is sent", isStrongerWhenSmaller: true),
    privacy: .deterministic,
    make: { TopK(share: $0[0]) })

  let share: Double
  var values: [Double] { [share] }

  /// Keeps the ⌈share · n⌉ numbers of largest magnitude of the whole update of n.
  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    let all = update.parts.flatMap(\.values)
    update.keep(update.split(largest(keptCount(of: all.count, share), of: all)))
    update.wire.setSparse(isSeeded: false)
  }
}

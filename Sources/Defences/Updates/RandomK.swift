/// Shares only this share of the whole update, chosen at random.
struct RandomK: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "random-k", parameters: [.share],
    summary: "sends this share of the whole update, chosen at random",
    source: "Stich et al. 2018, definition 2.1", answer: .ofWhatWasSent,
    strength: DefenceDescriptor.Strength("share that is sent", isStrongerWhenSmaller: true),
    make: { RandomK(share: $0[0]) })

  let share: Double
  var values: [Double] { [share] }

  /// Keeps ⌈share · n⌉ numbers of the whole update of n, chosen at random.
  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    let count = update.parts.reduce(0) { $0 + $1.values.count }
    let chosen = round.source.permutation(of: count).prefix(keptCount(of: count, share)).sorted()
    update.keep(update.split(chosen))
    update.wire.setSparse(isSeeded: true)
  }
}

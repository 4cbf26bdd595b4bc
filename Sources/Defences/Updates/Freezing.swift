import Clients

/// Does not share the model's first tensors, so many of them, but always the last.
struct Freezing: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "freeze",
    parameters: [DefenceDescriptor.Parameter("tensors", 1...1_000_000, isWhole: true)],
    summary: "does not train, and so does not share, the model's first tensors",
    source: "partial sharing: Arivazhagan et al. 2019, arXiv 1912.00818", answer: .ofWhatWasSent,
    strength: DefenceDescriptor.Strength("tensors not shared"),
    privacy: .deterministic,
    make: { Freezing(tensors: Int($0[0])) })

  let tensors: Int
  var values: [Double] { [Double(tensors)] }

  func check(_ model: Model) throws(AttackError) {
    guard model.parameters.count >= 2 else {
      throw AttackError(
        "\(name) always leaves one tensor to train, and \(model.name) has no other; use another "
          + "defence")
    }
  }

  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    // Something is always trained.
    for part in 0..<min(tensors, update.parts.count - 1) { update.withhold(part) }
  }
}

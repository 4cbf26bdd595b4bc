/// Shares this share of each tensor, and keeps the rest, with momentum, for later rounds.
struct DeepGradientCompression: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "dgc",
    parameters: [.share, DefenceDescriptor.Parameter("momentum", 0...0.9999, fallback: 0.9)],
    summary: "deep gradient compression: sends this share of each tensor's accumulated gradient",
    source: "Lin et al. 2018, arXiv 1712.01887, algorithm 4 and section 3", answer: .ofWhatWasSent,
    strength: DefenceDescriptor.Strength("share that is sent", isStrongerWhenSmaller: true),
    priced: [DeepGradientCompression(share: 0.01, momentum: 0.9)],
    make: { DeepGradientCompression(share: $0[0], momentum: $0[1]) })

  let share: Double
  let momentum: Double
  private var memory = CompressionMemory()
  var values: [Double] { [share, momentum] }

  init(share: Double, momentum: Double) {
    self.share = share
    self.momentum = momentum
  }

  mutating func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    let sent = memory.compress(
      update.parts.map { $0.tensor.doubles }, share: share, momentum: momentum)
    for (part, sent) in sent.enumerated() where !update.parts[part].isWithheld {
      update.setPart(part, positions: sent.positions, values: sent.values)
    }
    update.wire.setSparse(isSeeded: false)
  }
}

/// What deep gradient compression keeps between rounds, for each tensor (Lin et al. 2018, arXiv
/// 1712.01887, algorithm 4): momentum correction and momentum factor masking.
struct CompressionMemory {
  /// u: the gradients' running sum with momentum.
  private var velocity: [[Double]] = []
  /// v: what has not been sent yet.
  private var accumulated: [[Double]] = []

  /// u ← m u + g; v ← v + u; sends the ⌈share · n⌉ largest of v, and forgets u and v there.
  ///
  /// - Returns: for each tensor what is sent: ascending positions, and the values there.
  mutating func compress(
    _ gradients: [[Double]], share: Double, momentum: Double
  ) -> [(positions: [Int], values: [Double])] {
    if velocity.isEmpty {
      velocity = gradients.map { [Double](repeating: 0, count: $0.count) }
      accumulated = velocity
    }
    return gradients.indices.map { tensor in
      for index in gradients[tensor].indices {
        velocity[tensor][index] = momentum * velocity[tensor][index] + gradients[tensor][index]
        accumulated[tensor][index] += velocity[tensor][index]
      }
      let values = accumulated[tensor]
      let positions = largest(keptCount(of: values.count, share), of: values)
      for position in positions {
        velocity[tensor][position] = 0
        accumulated[tensor][position] = 0
      }
      return (positions, positions.map { values[$0] })
    }
  }
}

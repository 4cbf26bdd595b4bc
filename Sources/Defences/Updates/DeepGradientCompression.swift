/// Shares this share of each tensor, and keeps the rest, with momentum, for later rounds (Lin et al. 2018,
/// arXiv 1712.01887, algorithm 4): momentum correction and momentum factor masking.
struct DeepGradientCompression: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "dgc",
    parameters: [.share, DefenceDescriptor.Parameter("momentum", 0...0.9999, fallback: 0.9)],
    summary: "deep gradient compression: sends this share of each tensor's accumulated gradient",
    source: "Lin et al. 2018, arXiv 1712.01887, algorithm 4 and section 3", answer: .ofWhatWasSent,
    strength: DefenceDescriptor.Strength("share that is sent", isStrongerWhenSmaller: true),
    priced: [DeepGradientCompression(share: 0.01, momentum: 0.9)],
    privacy: .deterministic,
    make: { DeepGradientCompression(share: $0[0], momentum: $0[1]) })

  let share: Double
  let momentum: Double
  var values: [Double] { [share, momentum] }
  /// u: for each tensor the gradients' running sum with momentum.
  private var velocity: [[Double]] = []
  /// v: what has not been sent yet.
  private var accumulated: [[Double]] = []

  init(share: Double, momentum: Double) {
    self.share = share
    self.momentum = momentum
  }

  /// u ← m u + g; v ← v + u; sends the ⌈share · n⌉ largest of v, and forgets u and v there.
  mutating func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    let gradients = update.parts.map { $0.tensor.doubles }
    if velocity.isEmpty {
      velocity = gradients.map { [Double](repeating: 0, count: $0.count) }
      accumulated = velocity
    }
    for tensor in gradients.indices {
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
      guard !update.parts[tensor].isWithheld else { continue }
      update.setPart(tensor, positions: positions, values: positions.map { values[$0] })
    }
    update.wire.setSparse(isSeeded: false)
  }
}

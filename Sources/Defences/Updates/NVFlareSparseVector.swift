import Solvers

/// NVFlare's `SVTPrivacy`: numbers whose noisy magnitude is above a noisy threshold are candidates; of these as many as
/// asked for are drawn with replacement, clipped, and sent with Laplacian noise.
struct NVFlareSparseVector: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "nvflare-svt",
    parameters: [
      DefenceDescriptor.Parameter("fraction", 0...1, fallback: 0.1),
      DefenceDescriptor.Parameter("epsilon", 1e-6...1e9, fallback: 0.1),
      DefenceDescriptor.Parameter("noise_var", 1e-6...1e9, fallback: 0.1),
      DefenceDescriptor.Parameter("gamma", 1e-30...1e30, fallback: 1e-5),
      DefenceDescriptor.Parameter("tau", 0...1e30, fallback: 1e-6),
    ],
    summary:
      "sends FRACTION of the weight difference, chosen above a noisy threshold TAU, clipped to GAMMA, with Laplacian noise",
    source: "NVFlare 2.9 SVTPrivacy; Lyu et al. 2017, arXiv 1603.01699, algorithm 7",
    answer: DefenceDescriptor.Answer(
      "matches the numbers that were sent, under the known noise"),
    strength: DefenceDescriptor.Strength(
      "budget of each number's noise", isStrongerWhenSmaller: true, parameter: 2),
    strengths: DefenceDescriptor.Strengths(
      [1e6, 1e4, 100, 1, 0.1].map { noise in
        NVFlareSparseVector(
          fraction: 0.1, epsilon: 0.1, noiseBudget: noise, gamma: 1e-5, tau: 1e-6)
      }, effort: .deficient),
    priced: [
      NVFlareSparseVector(fraction: 0.1, epsilon: 0.1, noiseBudget: 0.1, gamma: 1e-5, tau: 1e-6)
    ],
    privacy: .claimed,
    make: {
      NVFlareSparseVector(
        fraction: $0[0], epsilon: $0[1], noiseBudget: $0[2], gamma: $0[3], tau: $0[4])
    })

  /// Of all numbers, those that are drawn.
  let fraction: Double
  /// Budget of the choice.
  let epsilon: Double
  /// Of each number's noise, whose scale is 2 `gamma` / this: a budget, although NVFlare calls it `noise_var`.
  let noiseBudget: Double
  let gamma: Double
  let tau: Double
  var values: [Double] { [fraction, epsilon, noiseBudget, gamma, tau] }

  /// The budget that a job sets. NVFlare's own accountant adds ``noiseBudget`` for each number that is sent.
  var claimedPrivacy: PrivacyClaim? { PrivacyClaim(epsilon: epsilon, delta: 0) }

  /// Passes over all numbers at most: with a threshold far above the noise NVFlare would never end.
  private static let mostPasses = 1000

  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    update.asWeightDifference(in: &round) { update, round in
      filter(&update, steps: Double(round.training?.stepsPerClient ?? 1), &round.source)
    }
  }

  private func filter(
    _ update: inout UpdateInTransit, steps: Double, _ source: inout RandomSource
  ) {
    let all = update.parts.flatMap(\.values)
    let count = min(Int((Double(all.count) * fraction).rounded(.up)), all.count)
    let clipped = all.map { min(max($0 / steps, -gamma), gamma) }
    let accepted = count > 0 ? accepted(clipped, count: count, &source) : []
    let noise = 2 * gamma / noiseBudget
    var sent: [Int: Double] = [:]
    if !accepted.isEmpty {
      for _ in 0..<count {
        let index = accepted[source.integer(below: accepted.count)]
        sent[index] = (clipped[index] + source.laplacian(scale: noise)) * steps
      }
    }
    var start = 0
    let places = update.parts.map { part in
      defer { start += part.values.count }
      return part.values.indices.filter { part.type.shape.rank == 0 || sent[start + $0] != nil }
    }
    start = 0
    for (place, kept) in places.enumerated() {
      let part = update.parts[place]
      if part.type.shape.rank > 0 {
        update.replace(kept.map { sent[start + $0] ?? 0 }, at: kept, ofPart: place)
      }
      start += part.values.count
    }
    update.keep(places)
    let variance = 2 * noise * noise * steps * steps
    update.changeParts { part in
      part.slack = nil
      if part.type.shape.rank > 0 { part.noiseVariance += variance }
    }
    update.wire.setZeros()
    update.wire.setValues(bits: 32, tensorOverhead: 0)
  }

  /// Indices of the numbers above the threshold after enough passes, in which each that was not is asked again.
  private func accepted(
    _ clipped: [Double], count: Int, _ source: inout RandomSource
  ) -> [Int] {
    // Lyu et al. 2017, section 4.2: 1 to (2c)^(2/3).
    let ratio = twoThirdsPower(2 * Double(count))
    let thresholdBudget = epsilon / (1 + ratio)
    let threshold = tau + source.laplacian(scale: gamma / thresholdBudget)
    let scale = gamma * 2 * Double(count) / (epsilon - thresholdBudget)
    var accepted: [Int] = []
    var waiting = Array(clipped.indices)
    for _ in 0..<Self.mostPasses where accepted.count < count {
      waiting.removeAll { index in
        guard clipped[index].magnitude + source.laplacian(scale: scale) >= threshold else {
          return false
        }
        accepted.append(index)
        return true
      }
    }
    return accepted
  }
}

/// NVFlare's `PercentilePrivacy`: zeroes the numbers of smallest magnitude of the whole update, and clips the others.
///
/// The numbers of the parameters alone are ranked; NVFlare ranks all tensors that a job sends, buffers too.
struct NVFlarePercentile: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "nvflare-percentile",
    parameters: [
      DefenceDescriptor.Parameter("percentile", 0...100, fallback: 10),
      DefenceDescriptor.Parameter("gamma", 1e-30...1e30, fallback: 0.01),
    ],
    summary:
      "zeroes the smallest PERCENTILE % of the weight difference, clips each other number to GAMMA",
    source: "NVFlare 2.9 PercentilePrivacy; Shokri and Shmatikov 2015, CCS, section 5.3",
    answer: .ofIntervals,
    strength: DefenceDescriptor.Strength(
      "limit of each number", isStrongerWhenSmaller: true, parameter: 1),
    strengths: DefenceDescriptor.Strengths(
      [0.1, 0.01, 1e-3, 1e-4, 1e-5].map { NVFlarePercentile(percentile: 10, gamma: $0) },
      effort: .deficient),
    priced: [NVFlarePercentile(percentile: 10, gamma: 0.01)],
    privacy: .deterministic,
    make: { NVFlarePercentile(percentile: $0[0], gamma: $0[1]) })

  let percentile: Double
  let gamma: Double
  var values: [Double] { [percentile, gamma] }

  /// In the type of the update, operation by operation as NumPy does it: divided by the number of steps, cut off below
  /// the percentile, clipped and multiplied by the steps.
  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    update.asWeightDifference(in: &round) { update, round in
      let steps = round.training?.stepsPerClient ?? 1
      if update.parts.allSatisfy({ $0.type.dtype == .f32 }) {
        filter(&update, steps: Float(steps))
      } else {
        filter(&update, steps: Double(steps))
      }
      update.wire.setValues(bits: 32, tensorOverhead: 0)
    }
  }

  private func filter<Number: BinaryFloatingPoint>(
    _ update: inout UpdateInTransit, steps: Number
  ) {
    let parts = update.parts.map { part in part.values.map { Number($0) / steps } }
    let magnitudes = parts.flatMap { $0.map(\.magnitude) }
    guard !magnitudes.isEmpty else { return }
    let cutoff = NVFlarePercentile.percentile(percentile, of: magnitudes)
    let limit = Number(gamma)
    let filtered = update.parts.indices.map { index in
      update.parts[index].type.shape.rank == 0
        ? parts[index].map { $0 * steps }
        : parts[index].map { value in
          value > -cutoff && value < cutoff ? 0 : min(max(value, -limit), limit) * steps
        }
    }
    // What anybody can tell from what is sent: numbers at the limit may have been larger, and zeros are below the
    // least number that is left. Where so many are zero that the percentile is, none was made so.
    let clipped = limit * steps
    let inside = filtered.joined().lazy.map(\.magnitude).filter { $0 > 0 && $0 < clipped }
    var least = cutoff > 0 ? inside.min().map { Double($0) } ?? .infinity : 0
    let zeros = filtered.reduce(0) { $0 + $1.count { $0 == 0 } }
    if least > 0, 2 * zeros > magnitudes.count {
      // A search finds its way better without so many small bounds (docs/design/0006-defences.md).
      least = .infinity
    }
    var place = 0
    update.changeParts { part in
      let values = filtered[place]
      place += 1
      part.values = values.map { Double($0) }
      guard part.type.shape.rank > 0 else { return }
      let earlier = part.slack
      part.slack = values.indices.map { index in
        let (value, before) = (values[index], earlier?[index] ?? .none)
        let own =
          value == 0
          ? UpdateInTransit.Slack(below: -least, above: least)
          : UpdateInTransit.Slack(
            below: value <= -clipped ? -.infinity : 0, above: value >= clipped ? .infinity : 0)
        return UpdateInTransit.Slack(
          below: min(own.below, before.below), above: max(own.above, before.above))
      }
    }
  }

  /// The `percent`-th percentile as `numpy.percentile` interpolates it, in the numbers' type.
  static func percentile<Number: BinaryFloatingPoint>(
    _ percent: Double, of values: [Number]
  ) -> Number {
    let sorted = values.sorted()
    let place = Double(sorted.count - 1) * (percent / 100)
    guard place < Double(sorted.count - 1) else { return sorted[sorted.count - 1] }
    let index = Int(place)
    let share = place - Double(index)
    let (low, high) = (sorted[index], sorted[index + 1])
    let difference = high - low
    return share >= 0.5
      ? high - difference * Number(1 - share) : low + difference * Number(share)
  }
}

import Privacy
import Solvers

/// Flower's `fixedclipping_mod`, and its `adaptiveclipping_mod` at the norm that the server sent in this round: scales
/// the whole weight difference down to at most this norm.
struct FlowerFixedClipping: UpdateDefence {
  static let descriptor = DefenceDescriptor(
    name: "flower-fixed-clipping", parameters: [.norm],
    summary:
      "scales the weight difference down to at most this norm, as Flower's clipping mods do before the server "
      + "adds noise",
    source: "Flower 1.42 fixedclipping_mod; McMahan et al. 2018, arXiv 1710.06963, section 3.2",
    answer: NormClipping.descriptor.answer,
    strength: DefenceDescriptor.Strength("norm", isStrongerWhenSmaller: true),
    privacy: .deterministic,
    make: { FlowerFixedClipping(norm: $0[0]) })

  let norm: Double
  var values: [Double] { [norm] }

  func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    update.asWeightDifference(in: &round) { update, _ in update.clipAsFlower(to: norm) }
  }
}

/// Flower's `LocalDpMod`: clips the weight difference, then adds normal noise by the classical formula from a
/// sensitivity that is set by itself, whatever the norm.
package struct FlowerLocalPrivacy: UpdateDefence {
  package static let descriptor = DefenceDescriptor(
    name: "flower-local-dp",
    parameters: [
      DefenceDescriptor.Parameter("clip", 1e-30...1e30),
      DefenceDescriptor.Parameter("sensitivity", 0...1e30),
      DefenceDescriptor.Parameter("epsilon", 1e-6...1e9),
      DefenceDescriptor.Parameter("delta", 1e-300...1),
    ],
    summary:
      "clips the weight difference to CLIP, adds normal noise of deviation SENSITIVITY √(2 ln(1.25 / DELTA)) / "
      + "EPSILON",
    source: "Flower 1.42 LocalDpMod; Dwork and Roth 2014, theorem A.1",
    answer: DPSGD.descriptor.answer,
    strength: DefenceDescriptor.Strength("sensitivity", parameter: 1),
    strengths: DefenceDescriptor.Strengths(
      [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1].map {
        FlowerLocalPrivacy(clip: 1, sensitivity: $0, epsilon: 10, delta: 1e-5)
      }),
    priced: [FlowerLocalPrivacy(clip: 1, sensitivity: 1e-4, epsilon: 10, delta: 1e-5)],
    privacy: .claimed,
    make: {
      FlowerLocalPrivacy(clip: $0[0], sensitivity: $0[1], epsilon: $0[2], delta: $0[3])
    })

  package let clip: Double
  package let sensitivity: Double
  package let epsilon: Double
  package let delta: Double
  package var values: [Double] { [clip, sensitivity, epsilon, delta] }
  package var claimedPrivacy: PrivacyClaim? { PrivacyClaim(epsilon: epsilon, delta: delta) }

  /// The standard deviation of the noise, which does not depend on ``clip``.
  package var deviation: Double {
    sensitivity * GaussianMechanism.classicalFactor(delta: delta) / epsilon
  }

  package func apply(to update: inout UpdateInTransit, in round: inout ClientRound) {
    update.asWeightDifference(in: &round) { update, round in
      update.clipAsFlower(to: clip)
      let deviation = deviation
      update.addNoise(variance: deviation * deviation) { deviation * round.source.normal() }
    }
  }
}

extension UpdateInTransit {
  /// `clip_inputs_inplace` of Flower: norms of the tensors and of all in the tensors' own type, one factor in f64, and
  /// products in the tensors' type. Up to the order in which the squares of one tensor are summed.
  fileprivate mutating func clipAsFlower(to limit: Double) {
    let isSingle = parts.allSatisfy { $0.type.dtype == .f32 }
    let norm = isSingle ? Double(norm(in: Float.self)) : norm(in: Double.self)
    wire.setValues(bits: 32, tensorOverhead: 0)
    guard norm > limit else { return }
    multiply(by: isSingle ? Double(Float(limit / norm)) : limit / norm)
    if isSingle { changeParts { $0.values = $0.values.map { Double(Float($0)) } } }
    if scale == .kept { scale = .lostTogether }
  }

  private func norm<Number: BinaryFloatingPoint>(in type: Number.Type) -> Number {
    let norms = parts.map { part in
      Number(part.values.reduce(0) { $0 + $1 * $1 }.squareRoot())
    }
    return norms.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}

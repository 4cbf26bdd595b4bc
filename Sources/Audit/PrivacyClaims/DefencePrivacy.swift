import Defences

extension PrivacySetting {
  /// What an experiment's client does to its examples, in one round.
  public init(_ experiment: Experiment) {
    self.init(
      experiment.defences, batchSize: experiment.batchSize,
      hasLocalSteps: experiment.client.hasLocalSteps)
  }

  /// What a chain of defences does in one round: DP-SGD, Flower's local noise with the ε that it claims, or noise on an update
  /// that was clipped before. Without noise that holds for, it is none.
  ///
  /// - Parameters:
  ///   - batchSize: examples of the client.
  ///   - hasLocalSteps: whether it trains for more than one step.
  public init(_ chain: DefenceChain, batchSize: Int, hasLocalSteps: Bool) {
    self.init()
    self.batchSize = batchSize
    if let own = chain.guaranteedNoise {
      (clip, noiseMultiplier) = (own.clip, own.multiplier)
      return
    }
    noise = 0
    // One example in one step is the whole update.
    clipped = batchSize == 1 && !hasLocalSteps ? .record : .batch
    for defence in chain.defences { read(defence) }
    if clipped == .batch { noiseOn = .mean }
  }

  /// A defence that acts on the whole update.
  private mutating func read(_ defence: any Defence) {
    switch defence {
    case let local as FlowerLocalPrivacy:
      // The record is all that the client has.
      clipped = .record
      (clip, noise, sensitivity) = (local.clip, local.deviation, local.sensitivity)
      (claimedEpsilon, delta) = (local.epsilon, local.delta)
    case let clipping as NormClipping where noise == 0: clip = clipping.limit
    case is NormClipping where !flaws.contains(.noiseBeforeClip): flaws.append(.noiseBeforeClip)
    case let noisy as GaussianNoise: noise = noisy.variance.squareRoot()
    default: break
    }
  }
}

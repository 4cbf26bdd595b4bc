import Clients
import Defences

extension PrivacySetting {
  /// What an experiment's client does to its examples, in one round: DP-SGD, or noise on an update that was clipped.
  public init(_ experiment: Experiment) {
    self.init()
    batchSize = experiment.batchSize
    if let own = experiment.defences.guaranteedNoise {
      (clip, noiseMultiplier) = (own.clip, own.multiplier)
    } else {
      readUpdateNoise(experiment)
    }
  }

  /// A clip first, and then noise, on the whole update.
  private mutating func readUpdateNoise(_ experiment: Experiment) {
    noise = 0
    noiseOn = .mean
    // One example in one step is the whole update.
    let isOneExample = experiment.batchSize == 1 && !experiment.client.hasLocalSteps
    clipped = isOneExample ? .record : .batch
    for defence in experiment.defences.defences {
      switch defence {
      case let clipping as NormClipping where noise == 0: clip = clipping.limit
      case is NormClipping: flaws.append(.noiseBeforeClip)
      case let noisy as GaussianNoise: noise = noisy.variance.squareRoot()
      default: break
      }
    }
  }
}

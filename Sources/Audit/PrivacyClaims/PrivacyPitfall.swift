import Privacy

/// A mistake that makes a claimed ε wrong, as seen in public code.
public enum PrivacyPitfall: String, Codable, Sendable, CaseIterable {
  case noClip = "no-clip"
  case noNoise = "no-noise"
  case batchNorm = "batch-norm"
  case clipFromData = "clip-from-data"
  case repeatedNoise = "repeated-noise"
  case noiselessTensors = "noiseless-tensors"
  case noiseBeforeClip = "noise-before-clip"
  case sensitivity
  case batchClip = "batch-clip"
  case layerClip = "layer-clip"
  case noiseShares = "noise-shares"
  case dividedNoise = "divided-noise"
  case replaceOne = "replace-one"
  case notPoisson = "not-poisson"
  case samplingRate = "sampling-rate"
  case composition
  case classicalFormula = "classical-formula"
  case delta

  /// Those without which no finite ε holds.
  var isVoid: Bool {
    switch self {
    case .noClip, .noNoise, .batchNorm, .clipFromData, .repeatedNoise, .noiselessTensors,
      .noiseBeforeClip:
      true
    default: false
    }
  }

  /// Whether it is in what a setting says of itself.
  func applies(to setting: PrivacySetting) -> Bool {
    switch self {
    case .noClip: setting.clip == nil
    case .noNoise: setting.deviation == 0
    case .batchNorm: setting.flaws.contains(.batchNorm)
    case .clipFromData: setting.flaws.contains(.clipFromData)
    case .repeatedNoise: setting.flaws.contains(.repeatedNoise)
    case .noiselessTensors: setting.flaws.contains(.noiselessTensors)
    case .noiseBeforeClip: setting.flaws.contains(.noiseBeforeClip)
    case .sensitivity:
      // Of the mean the clip is a bound too, and a looser one.
      setting.sensitivity.map { $0 < PrivacyPitfall.slack * setting.trueSensitivity } ?? false
        && setting.clip != nil
    case .batchClip: setting.clip != nil && setting.clipped == .batch
    case .layerClip: setting.clip != nil && setting.clipped == .layer && setting.layers > 1
    case .noiseShares: setting.noiseShares > 1 && setting.deviation > 0
    case .dividedNoise: false
    case .replaceOne: setting.adjacency == .replaceOne && setting.replacementFactor > 1
    case .notPoisson: setting.samplingRate < 1 && setting.sampling != .poisson
    case .samplingRate:
      setting.impliedRate.map { $0 > setting.samplingRate / PrivacyPitfall.slack } ?? false
    case .composition: setting.rounds > 1
    case .classicalFormula: setting.isClaimOfClassicalFormula
    case .delta: setting.records.map { setting.delta * Double($0) >= 1 } ?? false
    }
  }

  /// The setting as whoever made the mistake took it to be; nil where the mistake is not about ε's formula.
  func mistaken(_ setting: PrivacySetting) -> PrivacySetting? {
    var other = setting
    switch self {
    case .sensitivity:
      guard let used = setting.sensitivity else { return nil }
      // The same noise, on what changes by no more than was thought.
      other.noise = setting.deviation * Double(setting.noiseShares).squareRoot()
      other.noiseMultiplier = nil
      other.clip = used * (setting.clip ?? 1) / setting.trueSensitivity
      other.sensitivity = nil
    case .batchClip: other.clipped = .record
    case .layerClip: other.clipped = .record
    case .noiseShares: other.noiseShares = 1
    case .replaceOne: other.adjacency = .addRemove
    case .notPoisson: other.sampling = .poisson
    case .composition: other.rounds = 1
    case .samplingRate: other.records = nil
    case .dividedNoise:
      guard let batch = setting.batchSize, setting.noiseOn == .sum else { return nil }
      other.noise = setting.deviation * Double(batch)
      other.noiseMultiplier = nil
      other.noiseShares = 1
    default: return nil
    }
    return other
  }

  /// Whether an ε without the mistake explains a claim that is not held.
  func isTold(_ without: Double?, of epsilon: Double, claimed: Double) -> Bool {
    switch self {
    case .delta, .classicalFormula: return true
    // More noise mends any claim; that of the batch alone must be what is claimed, and not much less.
    case .dividedNoise:
      return without.map { (claimed / 2...claimed * Self.tolerance).contains($0) } ?? false
    case .composition: return without.map { $0 <= claimed * Self.tolerance } ?? false
    default: return without.map { $0 < epsilon * Self.slack } ?? false
    }
  }

  /// Claims are rounded.
  static let tolerance = 1.01
  /// Numbers that say the same, rounded, are not far from each other.
  static let slack = 0.99
}

extension PrivacySetting {
  /// The share of records in a batch; nil where sizes are not known.
  package var impliedRate: Double? {
    guard let batchSize, let records, records > 0 else { return nil }
    return min(1, Double(batchSize) / Double(records))
  }

  /// Whether the claim is what the classical formula gives, outside its range, for the noise and a sensitivity that somebody
  /// may have had in mind.
  var isClaimOfClassicalFormula: Bool {
    guard let claimedEpsilon, claimedEpsilon > 1, deviation > 0, clip != nil else { return false }
    return [usedSensitivity, trueSensitivity].contains { sensitivity in
      let formula = GaussianMechanism.classicalFactor(delta: delta) * sensitivity / deviation
      return abs(formula / claimedEpsilon - 1) < 1 - PrivacyPitfall.slack
    }
  }
}

import Privacy

/// Between what the true ε of a setting lies, and how often anybody can pick the right candidate.
struct PrivacyBounds {
  /// No guarantee is below.
  let least: Double
  /// The guarantee.
  let epsilon: Double
  private let accountant: PrivacyAccountant

  /// - Parameter setting: without pitfalls that void the guarantee; with them, no bound is finite.
  init(_ setting: PrivacySetting) {
    let sensitivity = setting.trueSensitivity
    guard sensitivity.isFinite, setting.deviation > 0,
      !PrivacyPitfall.allCases.contains(where: { $0.isVoid && $0.applies(to: setting) })
    else {
      (least, epsilon) = (.infinity, .infinity)
      accountant = PrivacyAccountant(noiseMultiplier: 0, samplingRate: 1, rounds: 1)
      return
    }
    let isReplaced = setting.adjacency == .replaceOne
    let multiplier = setting.deviation / sensitivity
    let replaced = multiplier / (isReplaced ? setting.replacementFactor : 1)
    // The rate that sizes imply is a fact; a smaller one is not.
    let rate = max(setting.samplingRate, setting.impliedRate ?? 0)
    let participations = PrivacyBounds.participations(setting, rate: rate)
    switch setting.sampling {
    case _ where rate == 1:
      accountant = PrivacyAccountant(
        noiseMultiplier: replaced, samplingRate: 1, rounds: setting.rounds)
      epsilon = accountant.epsilon(delta: setting.delta)
      least = epsilon
    case .poisson:
      // To replace a record by one that changes nothing is to remove it, which is less; and the bound for what changes
      // twice as much holds (joint convexity, Balle, Barthe and Gaboardi 2018, arXiv 1807.01647, theorem 2).
      let removed = PrivacyAccountant(
        noiseMultiplier: multiplier, samplingRate: rate, rounds: setting.rounds)
      accountant = removed
      least = removed.epsilon(delta: setting.delta)
      epsilon =
        replaced == multiplier
        ? least
        : PrivacyAccountant(noiseMultiplier: replaced, samplingRate: rate, rounds: setting.rounds)
          .epsilon(delta: setting.delta)
    case .fixed:
      // Sets of one size differ by a replaced record (Zhu, Dong and Wang 2022, arXiv 2106.08567, proposition 30).
      let removed = PrivacyAccountant(
        noiseMultiplier: multiplier, samplingRate: rate, rounds: setting.rounds)
      accountant = PrivacyAccountant(
        noiseMultiplier: multiplier / setting.replacementFactor, samplingRate: rate,
        rounds: setting.rounds)
      least = removed.epsilon(delta: setting.delta)
      epsilon = accountant.epsilon(delta: setting.delta)
    case .shuffled:
      // Each epoch touches a record once; where in it is not secret enough to count on.
      accountant = PrivacyAccountant(
        noiseMultiplier: replaced, samplingRate: 1, rounds: participations)
      epsilon = accountant.epsilon(delta: setting.delta)
      least = 0
    }
  }

  /// Rounds that touch one record where lists are shuffled.
  private static func participations(_ setting: PrivacySetting, rate: Double) -> Int {
    // 1000 rounds at 0.01 are 10 epochs, whatever rounding makes of the product.
    Int(min((Double(setting.rounds) * rate * (1 - 1e-12)).rounded(.up), Double(setting.rounds)))
  }

  /// The largest chance to pick the right one of as many candidates, all equally likely beforehand, for whoever knows all
  /// other records.
  func success(candidates: Int) -> Double {
    guard epsilon.isFinite else { return 1 }
    return accountant.success(prior: 1 / Double(candidates))
  }
}

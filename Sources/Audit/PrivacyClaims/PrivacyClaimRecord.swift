import Privacy

/// What a setting really guarantees, beside what is claimed of it: written by `check-dp` as JSON.
public struct PrivacyClaimRecord: Codable, Sendable {
  /// What becomes of a claim.
  public enum Verdict: String, Codable, Sendable {
    /// The guarantee is at least as strong as claimed, within 1 % of ε.
    case holds
    /// It is weaker: no guarantee of the claimed ε exists.
    case fails
    /// What can be proved is weaker than claimed, and the claim is not refuted.
    case notShown = "not shown"
    /// Nothing was claimed.
    case noClaim = "no claim"
  }

  /// A mistake, and what it costs.
  public struct Finding: Codable, Sendable {
    /// Which.
    public let pitfall: PrivacyPitfall
    /// It in a sentence, for people.
    public let sentence: String
    /// ε if it were none; missing where no number tells.
    public let epsilonWithout: JSONNumber?
  }

  /// What an attacker can do at most, who knows all records but one.
  public struct Candidates: Codable, Sendable {
    /// Records of which one is the right one, all equally likely to him.
    public let count: Int
    /// His chance to pick it by guessing.
    public let guess: Double
    /// His chance at most to pick it with all that is shared, whatever he computes.
    public let success: Double
  }

  /// The program's version.
  public var tool = GradleakVersion.current
  /// What is done, and what is claimed.
  public let setting: PrivacySetting
  /// What becomes of the claim.
  public let verdict: Verdict
  /// The guarantee at the setting's δ; infinite where there is none.
  public let epsilon: JSONNumber
  /// No guarantee is better than this, which is ``epsilon`` where that is tight.
  public let leastEpsilon: JSONNumber
  /// Mistakes, those first without which no ε holds.
  public let findings: [Finding]
  /// How often anybody can pick the right candidate.
  public let candidates: [Candidates]
  /// How many times the noise would make the claim true; missing where none is claimed, where it holds, and where noise is
  /// not what it lacks.
  public let neededNoise: Double?

  /// - Parameter candidates: how many there are to pick from, 2 or more each.
  package init(_ setting: PrivacySetting, candidates counts: [Int] = [2, 10, 100, 1000]) {
    self.setting = setting
    let bounds = PrivacyBounds(setting)
    epsilon = JSONNumber(bounds.epsilon)
    leastEpsilon = JSONNumber(bounds.least)
    candidates = counts.map {
      Candidates(
        count: $0, guess: 1 / Double($0), success: bounds.success(candidates: $0))
    }
    let number = PrivacyClaimRecord.verdict(setting, bounds)
    findings = PrivacyClaimRecord.findings(setting, bounds, isHeld: number == .holds)
    // A δ that lets whole records out makes the best ε worth nothing.
    let isEmpty = findings.contains { $0.pitfall == .delta }
    verdict = number == .holds && isEmpty ? .notShown : number
    neededNoise =
      verdict == .holds || bounds.epsilon.isInfinite
      ? nil : PrivacyClaimRecord.neededNoise(setting)
  }

  /// Whether ε is what was claimed, and δ makes it worth nothing.
  package var isWorthless: Bool {
    verdict == .notShown
      && epsilon.value <= (setting.claimedEpsilon ?? 0) * PrivacyPitfall.tolerance
  }

  private static func verdict(_ setting: PrivacySetting, _ bounds: PrivacyBounds) -> Verdict {
    guard let claimed = setting.claimedEpsilon else { return .noClaim }
    if bounds.epsilon <= claimed * PrivacyPitfall.tolerance { return .holds }
    return bounds.least > claimed * PrivacyPitfall.tolerance ? .fails : .notShown
  }

  private static func findings(
    _ setting: PrivacySetting, _ bounds: PrivacyBounds, isHeld: Bool
  ) -> [Finding] {
    let void = PrivacyPitfall.allCases.filter { $0.isVoid && $0.applies(to: setting) }
    guard void.isEmpty else {
      return void.map {
        Finding(pitfall: $0, sentence: $0.sentence(setting), epsilonWithout: nil)
      }
    }
    let isTold = !isHeld && setting.claimedEpsilon != nil
    return PrivacyPitfall.allCases.compactMap { pitfall in
      guard pitfall == .delta || isTold,
        pitfall == .dividedNoise || pitfall.applies(to: setting)
      else { return nil }
      let without = pitfall.mistaken(setting).map { PrivacyBounds($0).epsilon }
      guard pitfall.isTold(without, of: bounds.epsilon, claimed: setting.claimedEpsilon ?? 0)
      else { return nil }
      return Finding(
        pitfall: pitfall, sentence: pitfall.sentence(setting),
        epsilonWithout: without.map(JSONNumber.init))
    }
  }

  /// The noise with which the setting as it is would have the claimed ε.
  private static func neededNoise(_ setting: PrivacySetting) -> Double? {
    guard let claimed = setting.claimedEpsilon, setting.deviation > 0 else { return nil }
    func epsilon(_ factor: Double) -> Double {
      var other = setting
      other.noise = setting.deviation * Double(setting.noiseShares).squareRoot() * factor
      other.noiseMultiplier = nil
      return PrivacyBounds(other).epsilon
    }
    var (low, high) = (1.0, 2.0)
    while epsilon(high) > claimed {
      (low, high) = (high, 2 * high)
      guard high < 1e9 else { return nil }
    }
    while high - low > 1e-2 * high {
      let middle = (low + high) / 2
      if epsilon(middle) > claimed { low = middle } else { high = middle }
    }
    return high
  }
}

import Privacy

/// What the noise on updates guarantees against every attack, tried or not.
///
/// It is of one update, in which each example was clipped by itself, and rests on the defence being what the record says.
public struct GuaranteedBound: Sendable, Equatable {
  /// The least noise on any of the updates, in clipping norms.
  public let noiseMultiplier: Double

  /// Candidates of which an attacker must not find the right one too often.
  public static let candidates = 100
  /// δ of the ε that is told beside it.
  public static let delta = 1e-5

  private let accountant: PrivacyAccountant

  /// - Returns: nil where any update has no such noise, or there are none.
  init?(_ records: [RunRecord]) {
    let noise = records.map { $0.defence?.chain.guaranteedNoise?.multiplier ?? 0 }
    guard let least = noise.min(), least > 0 else { return nil }
    noiseMultiplier = least
    accountant = PrivacyAccountant(noiseMultiplier: least, samplingRate: 1, rounds: 1)
  }

  /// Two bounds of the same noise are the same.
  public static func == (left: GuaranteedBound, right: GuaranteedBound) -> Bool {
    left.noiseMultiplier == right.noiseMultiplier
  }

  /// ε of one update at ``delta``, against adding or removing an example.
  public var epsilon: Double { epsilon(delta: GuaranteedBound.delta) }

  /// The same at another δ, in 0...1 without the ends.
  func epsilon(delta: Double) -> Double { accountant.epsilon(delta: delta) }

  /// The largest chance to pick the right one of as many candidates, all equally likely beforehand, for whoever knows all other
  /// examples (Kaissis et al. 2023, arXiv 2307.03928).
  public func success(candidates: Int) -> Double {
    accountant.success(prior: 1 / Double(candidates))
  }

  /// Whether it reassures: of ``candidates`` the right one is found in at most ``LeakRate/stoppedBelow`` of all tries.
  public var isEnough: Bool {
    success(candidates: GuaranteedBound.candidates) <= LeakRate.stoppedBelow
  }

  /// Whether so many leaks cannot be under this guarantee: more than once in a million, if one guess in a thousand, knowing
  /// nothing, would pass for what came back.
  func isContradicted(by leaks: SuccessRate) -> Bool {
    leaks.successes > 0
      && BinomialDistribution(
        count: leaks.count, chance: accountant.success(prior: GuaranteedBound.guess)
      ).tail(from: leaks.successes) < 1e-6
  }

  /// Much more than the chance that a random picture, text or row is taken for the private one.
  private static let guess = 1e-3

  /// For people, without a full stop.
  var sentence: String {
    let share = PrivacyNumbers.percent(success(candidates: GuaranteedBound.candidates))
    return
      "Noise of \(PrivacyNumbers.text(noiseMultiplier)) clipping norms bounds every attack on one update: nobody picks the right "
      + "one of \(GuaranteedBound.candidates) candidates in more than \(share) of tries (epsilon \(PrivacyNumbers.text(epsilon)) at "
      + "delta \(PrivacyNumbers.text(GuaranteedBound.delta)))"
  }
}

/// What the settings of a filter are said to give: (epsilon, delta)-differential privacy of one update. A claim and no
/// more: whether the noise is enough for it is another question, and often it is not.
public struct PrivacyClaim: Hashable, Sendable {
  /// The budget of one update.
  public let epsilon: Double
  /// The chance with which more is lost; 0 for pure differential privacy.
  public let delta: Double

  /// A claim about one update.
  public init(epsilon: Double, delta: Double) {
    (self.epsilon, self.delta) = (epsilon, delta)
  }
}

/// What a kind of defence says about differential privacy.
public enum PrivacyStatement: Hashable, Sendable {
  /// The same data give the same update: epsilon is infinite, whatever the settings.
  case deterministic
  /// Its settings are said to give some; see ``UpdateDefence/claimedPrivacy``.
  case claimed
  /// It clips and adds noise, from which an accountant computes what it gives.
  case accounted

  /// In a sentence's end.
  public var description: String {
    switch self {
    case .deterministic: "no differential privacy: it is deterministic, and epsilon is infinite"
    case .claimed: "its epsilon is a claim of its settings, which nothing here vouches for"
    case .accounted: "epsilon follows from clipping, noise, sampling and rounds"
    }
  }
}

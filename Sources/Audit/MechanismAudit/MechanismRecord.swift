/// What an audit of a filter found: written by `audit-mechanism` as JSON.
public struct MechanismRecord: Codable, Sendable {
  /// What becomes of a claim.
  public enum Verdict: String, Codable, Sendable {
    /// The filter is shown not to do what is claimed, by what it does or by a bound that holds at 95 %.
    case refuted
    /// An estimate that supposes normal noise is above the claim, and no bound is.
    case doubtful
    /// Nothing seen speaks against the claim, which proves nothing.
    case notRefuted = "not refuted"
    /// Nothing was claimed.
    case noClaim = "no claim"
  }

  /// Something that no finite ε survives.
  public struct Fault: Codable, Sendable {
    /// Which.
    public let fault: MechanismFault
    /// The tensors in which it was seen.
    public let tensors: [String]
    /// It in a sentence, for people.
    public let sentence: String
  }

  /// A lower bound of one round's ε, above the truth in at most 5 of 100 audits.
  public struct Bound: Codable, Sendable {
    /// `many runs` or `one run`.
    public let method: String
    /// The bound.
    public let epsilon: Double
    /// Canaries that were in or out.
    public let canaries: Int
    /// Guesses that were right.
    public let right: Int
    /// Guesses.
    public let guesses: Int
    /// The largest bound that so many guesses could give, had all been right.
    public let reach: Double
  }

  /// What scores speak for where the noise is normal; no bound.
  public struct Estimate: Codable, Sendable {
    /// By how many standard deviations of the noise a canary moves its number.
    public let mu: JSONNumber
    /// ε of all rounds at that.
    public let epsilon: JSONNumber
    /// ε of the least shift that the scores speak for, at 95 %.
    public let leastEpsilon: JSONNumber
    /// Whether the noise looks normal: its excess kurtosis is within five standard errors of 0.
    public let isNormal: Bool
  }

  /// The program's version.
  public var tool = GradleakVersion.current
  /// What becomes of the claim.
  public internal(set) var verdict: Verdict
  /// The ε that is claimed; missing where none is.
  public let claimedEpsilon: Double?
  /// Its δ.
  public let delta: Double
  /// Rounds that the claim is of.
  public let rounds: Int
  /// Share of records in a round that the claim is of.
  public let samplingRate: Double
  /// The norm to which records are said to be clipped; missing where nothing is said.
  public let clip: Double?
  /// Calls of the filter.
  public internal(set) var calls: Int
  /// Canaries of this norm were put into updates of zeros.
  public let canary: Double
  /// What no finite ε survives.
  public let faults: [Fault]
  /// By how much a large canary moves its number: the sensitivity, as seen.
  public let response: Double
  /// Standard deviation of the noise on that number, as seen.
  public let noise: Double
  /// Lower bounds; empty where a fault made them needless.
  public internal(set) var bounds: [Bound]
  /// What normal noise would make of the scores; missing with a fault.
  public internal(set) var estimate: Estimate?
  /// Whether it was stopped before all runs were made.
  public internal(set) var wasStopped: Bool
}

/// Whether records can be told to be in the batch behind an update, by the inner products of gradients.
public struct MembershipRecord: Codable, Sendable, Equatable {
  /// The format's version.
  public static let currentVersion = 1

  /// How one score did.
  public struct Measure: Codable, Sendable, Equatable {
    /// The score, such as "cosine".
    public var score: String
    /// The chance that a member scores higher than another record; 0.5 for guessing.
    public var area: JSONNumber
    /// A 95 % interval of it, which bounds its variance by the smaller group.
    public var interval: [Double]
    /// At small rates of false positives.
    public var rates: [Rate]
  }

  /// Members that are found at one rate of false positives.
  public struct Rate: Codable, Sendable, Equatable {
    /// What was asked for, such as 0.01: what guessing finds of the members.
    public var falsePositiveRate: Double
    /// Whether the threshold was seen among known non-members; false where they were too few and it is that of a normal
    /// distribution.
    public var isObserved: Bool
    /// Members above the threshold.
    public var found: Int
    /// Members.
    public var members: Int
    /// A 95 % interval of the share of members that are found.
    public var interval: [Double]
    /// Other records above it: they had no part in the threshold.
    public var falsePositives: Int
    /// Other records.
    public var others: Int
  }

  /// How often the one of several candidates that is in a batch is picked, by somebody who knows the rest of it.
  public struct Identification: Codable, Sendable, Equatable {
    /// Records of which one is in the batch.
    public var candidates: Int
    /// Updates for which it was picked.
    public var right: Int
    /// Updates.
    public var tries: Int
    /// A 95 % interval of the share.
    public var interval: [Double]
    /// What guessing finds.
    public var guess: Double
    /// What the noise of DP-SGD lets anybody find at most; missing without.
    public var bound: Double?
  }

  /// A record that was asked for, beside an update from a file.
  public struct Candidate: Codable, Sendable, Equatable {
    /// For people.
    public var name: String
    /// Of the cosine: standard deviations above known non-members.
    public var deviations: JSONNumber
    /// How often a record that is not in the batch scores so high, if their scores are normal.
    public var chance: JSONNumber
    /// Whether the spans of hidden layers prove that it is in the batch; nil where no layer tells.
    public var isProved: Bool?
  }

  /// What the spans of hidden layers prove, without any threshold.
  public struct Proofs: Codable, Sendable, Equatable {
    /// Members that are proved to be in their batches.
    public var members: Int
    /// Members.
    public var memberCount: Int
    /// A 95 % interval of their share.
    public var interval: [Double]
    /// Other records that are taken for members.
    public var others: Int
    /// Other records.
    public var otherCount: Int
  }

  /// What the words of batches of texts exclude, without any threshold.
  public struct Exclusions: Codable, Sendable, Equatable {
    /// Updates whose zeros tell.
    public var told: Int
    /// Members that are excluded, which would be wrong.
    public var members: Int
    /// Members.
    public var memberCount: Int
    /// Other texts that are excluded.
    public var others: Int
    /// Other texts.
    public var otherCount: Int
    /// A 95 % interval of the share of others that are excluded.
    public var interval: [Double]
  }

  /// A text that was asked for, beside an update from a file.
  public struct Text: Codable, Sendable, Equatable {
    /// As it was given.
    public var text: String
    /// Its words that no text of the batch has; empty where it can be in the batch.
    public var missing: [String]
  }

  /// Of the format.
  public var version = MembershipRecord.currentVersion
  /// Version of gradleak that made the record.
  public var tool = GradleakVersion.current
  /// What the records are.
  public var kind: String
  /// For people.
  public var model: String
  /// Examples behind each update.
  public var batchSize: Int
  /// Updates.
  public var updates: Int
  /// Of weights and of who is in the batch.
  public var seed: UInt64
  /// What the client did to its update; nil for nothing.
  public var defence: String?
  /// Known non-members of each update, from whose scores those of others are judged.
  public var calibration: Int
  /// Of simulated clients; empty beside an update from a file.
  public var measures: [Measure] = []
  /// Beside an update from a file; empty of simulated clients.
  public var candidates: [Candidate] = []
  /// Of simulated clients; nil where no hidden layer's span tells.
  public var proofs: Proofs?
  /// Of simulated clients, where it was asked for.
  public var identifications: [Identification] = []
  /// Of texts; beside an update from a file of those that are known not to be in it.
  public var exclusions: Exclusions?
  /// Of texts, beside an update from a file.
  public var texts: [Text]?
}

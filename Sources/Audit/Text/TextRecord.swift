import Texts

/// One attack on the update of a language model: enough to repeat it, and what it gave.
public struct TextRecord: Codable, Sendable, Equatable {
  /// The format of this record.
  public static let currentVersion = 1

  /// One private text, or one recovered where the private ones are not known.
  public struct Text: Codable, Sendable, Equatable {
    /// Nil when a captured update was attacked.
    public var original: String?
    /// Empty when nothing was recovered.
    public var recovered: String
    public var recoveredTokens: [Int]
    /// The texts of a pair, one by one; nil for a single text.
    public var recoveredParts: [String]?
    public var exactMatch: Bool?
    public var tokenAccuracy: Double?
    public var rouge1: Double?
    public var rouge2: Double?
    public var rougeL: Double?
    public var trueLabel: Int?
    /// The numbers that the loss compares the text's logits with, as in regressions; nil for classes.
    public var trueTargets: [JSONNumber]?
    public var recoveredLabel: Int?
    public var recoveredTargets: [JSONNumber]?
  }

  /// Mean scores of guesses without an attack.
  public struct Baseline: Codable, Sendable, Equatable {
    /// "frequent tokens" or "bag of words in random order".
    public var name: String
    public var tokenAccuracy: Double
    public var rouge1: Double
    public var rouge2: Double
    public var rougeL: Double
  }

  /// What stood in the dummy texts' place at an iteration.
  public struct Step: Codable, Sendable, Equatable {
    public var iteration: Int
    public var loss: JSONNumber
    /// Of the batch, in the attack's order.
    public var texts: [String]
  }

  /// The spans that DAGER worked with.
  public struct Span: Codable, Sendable, Equatable {
    public var firstRank: Int
    public var secondRank: Int?
    public var width: Int
    public var rankConditionHolds: Bool
    public var tokensChecked: Int
    public var positions: Int
  }

  public var version = TextRecord.currentVersion
  public var tool: String
  public var model: String
  public var head: String
  public var weights: String
  public var attack: String
  /// The attack that gave the texts.
  public var method: String
  public var precision: String
  public var seed: UInt64
  public var batchSize: Int
  public var frozenParameters: Int
  public var threatModel: String
  /// The client's local steps; nil for one gradient.
  public var localTraining: String?
  /// Rank of the client's adapters; nil where it trains the weights.
  public var adapterRank: Int?
  /// The client's defences; nil without any.
  public var defence: String?
  /// Whether the attacker knew of the defences; nil without any, and in records of older versions.
  public var isDefenceKnown: Bool?
  public var relativeDistance: JSONNumber?
  /// Whether the recovered texts' gradient is the shared one up to rounding.
  public var isCertain: Bool
  /// What the attack ended in; nil in records of older versions.
  public var diagnosis: TextDiagnosis?
  public var bagOfWords: [String]?
  public var span: Span?
  public var texts: [Text]
  public var baselines: [Baseline]
  public var evaluations: Int
  /// The best trial on its way, in order; nil in records without, and for attacks that do not search.
  public var course: [Step]?
}

/// What a run on texts took; apart from the record, which is the same on every run.
public struct TextOutcome: Sendable {
  public let record: TextRecord
  public let snapshots: [(iteration: Int, loss: Double, texts: [String])]
  public let seconds: Double
  public let wasInterrupted: Bool
}

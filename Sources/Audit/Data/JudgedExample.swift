/// What a verdict reads of what came back of one private example, whatever its kind.
public protocol JudgedExample: Sendable {
  var name: String { get }
  /// Of the original: tells repeats of one example from others; nil where it is not known.
  var fingerprint: String? { get }
  /// What was done to the file's data to fit the model; nil for nothing.
  var preparation: String? { get }
  /// What measures against the original alone tell; undetermined without one.
  var measuredLevel: LeakLevel { get }
  /// Whether there is an original to compare with.
  var hasTruth: Bool { get }
  /// Whether the recovered label is the true one; nil where that is not known, or the label was given.
  var isLabelRight: Bool? { get }
  /// The measure that ranks results of this kind; NaN where it is not known.
  var score: Double { get }
  /// What guesses without the update get in that measure, each under a phrase such as "a random image has".
  var guesses: [(phrase: String, score: Double)] { get }
}

extension ImageResult: JudgedExample {
  /// What the measures alone tell.
  public var measuredLevel: LeakLevel { LeakLevel(self) }
  /// In the measure that ranks results.
  public var score: Double { decibels }
  /// What guesses get in that measure.
  public var guesses: [(phrase: String, score: Double)] {
    [("a random image has", randomDecibels), ("a grey one", greyDecibels)]
  }
}

/// What came back of one private example that is no image.
public struct ExampleResult: Codable, Sendable, Equatable {
  /// A guess without the update, to compare with.
  public struct Guess: Codable, Sendable, Equatable {
    /// Such as "frequent tokens".
    public var name: String
    /// In the measure that ranks results.
    public var score: JSONNumber
    /// Further measures by name.
    public var measures: [String: JSONNumber]

    /// - Parameter score: in the measure that ranks results.
    public init(name: String, score: Double, measures: [String: Double] = [:]) {
      self.name = name
      self.score = JSONNumber(score)
      self.measures = measures.mapValues { JSONNumber($0) }
    }
  }

  /// For tables.
  public var name: String
  /// What was done to the data to fit the model; nil for nothing.
  public var preparation: String?
  /// Of the original; nil where it is not known.
  public var fingerprint: String?
  /// In words; nil where it is not known.
  public var original: String?
  /// In words; empty when nothing was recovered.
  public var recovered: String
  /// The tokens of a text; nil of other data.
  public var recoveredTokens: [Int]?
  /// The texts of a pair, one by one; nil for a single text.
  public var recoveredParts: [String]?
  /// The cells of a row, one by one; nil of other data.
  public var cells: [ExampleCell]?
  /// The samples of a signal; nil of other data.
  public var signal: SignalTrace?
  /// What the measures alone tell; nil where the original is not known.
  public var level: LeakLevel?
  /// In the measure that ranks results of this kind, the larger the better; nil likewise.
  public var rank: JSONNumber?
  /// All measures by name; empty likewise.
  public var measures: [String: JSONNumber]
  /// What guesses without the update get.
  public var baselines: [Guess]
  /// Nil where it is not known, or there are no labels.
  public var trueLabel: ExampleLabel?
  /// Nil where none was found.
  public var recoveredLabel: ExampleLabel?
  /// Whether the label was given to the attack, so that it is no finding; nil for no.
  public var isLabelGiven: Bool?

  /// - Parameter score: in the measure that ranks results of this kind; nil where the original is not known.
  public init(
    name: String, original: String? = nil, recovered: String, level: LeakLevel? = nil,
    score: Double? = nil, measures: [String: Double] = [:], baselines: [Guess] = []
  ) {
    self.name = name
    self.original = original
    self.recovered = recovered
    self.level = level
    rank = score.map { JSONNumber($0) }
    self.measures = measures.mapValues { JSONNumber($0) }
    self.baselines = baselines
  }
}

extension ExampleResult: JudgedExample {
  /// What the measures alone tell.
  public var measuredLevel: LeakLevel { level ?? .undetermined }
  /// Whether the original is known.
  public var hasTruth: Bool { level != nil }
  /// In the measure that ranks results.
  public var score: Double { rank?.value ?? .nan }
  /// Nil where that cannot be told.
  public var isLabelRight: Bool? {
    guard isLabelGiven != true, let trueLabel else { return nil }
    return trueLabel == recoveredLabel
  }
  /// What guesses get in that measure.
  public var guesses: [(phrase: String, score: Double)] {
    baselines.enumerated().map { index, guess in
      (index == 0 ? "\(guess.name) have" : guess.name, guess.score.value)
    }
  }
  /// A measure by its name; NaN for none.
  public func measure(_ name: String) -> Double { measures[name]?.value ?? .nan }
}

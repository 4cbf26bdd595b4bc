import Leakage

/// What attacks on texts tell besides the texts.
public struct TextDetails: Codable, Sendable, Equatable {
  /// What stood in the dummy texts' place at an iteration.
  public struct Step: Codable, Sendable, Equatable {
    public var iteration: Int
    public var loss: JSONNumber
    /// Of the batch, in the attack's order.
    public var texts: [String]

    public init(iteration: Int, loss: Double, texts: [String]) {
      self.iteration = iteration
      self.loss = JSONNumber(loss)
      self.texts = texts
    }
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

  /// What the model ends in, such as "classification".
  public var head: String
  /// Parameters whose gradients were not shared.
  public var frozenParameters = 0
  /// Rank of the client's adapters; nil where it trains the weights.
  public var adapterRank: Int?
  /// Which tokens the batch holds, in no order; nil where the update does not tell.
  public var bagOfWords: [String]?
  public var span: Span?
  /// How the attacker's language model reads texts; nil without one.
  public var prior: String?
  /// The best trial on its way, in order; nil for attacks that do not search.
  public var course: [Step]?

  public init(head: String) {
    self.head = head
  }
}

/// What attacks on texts tell besides the texts.
public struct TextDetails: Codable, Sendable, Equatable {
  /// What stood in the dummy texts' place at an iteration.
  public struct Step: Codable, Sendable, Equatable {
    /// Of the search.
    public var iteration: Int
    /// Its objective there.
    public var loss: JSONNumber
    /// Of the batch, in the attack's order.
    public var texts: [String]

    /// - Parameter texts: of the batch, in the attack's order.
    public init(iteration: Int, loss: Double, texts: [String]) {
      self.iteration = iteration
      self.loss = JSONNumber(loss)
      self.texts = texts
    }
  }

  /// The spans that DAGER worked with.
  public struct Span: Codable, Sendable, Equatable {
    /// Independent directions of the first layer's span.
    public var firstRank: Int
    /// Of the second layer's; nil where it was not needed.
    public var secondRank: Int?
    /// Features of a token.
    public var width: Int
    /// Whether the ranks stay below the width.
    public var rankConditionHolds: Bool
    /// At each position.
    public var tokensChecked: Int
    /// That were filled.
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
  /// Nil where none was used.
  public var span: Span?
  /// How the attacker's language model reads texts; nil without one.
  public var prior: String?
  /// The best trial on its way, in order; nil for attacks that do not search.
  public var course: [Step]?

  /// - Parameter head: what the model ends in.
  public init(head: String) {
    self.head = head
  }
}

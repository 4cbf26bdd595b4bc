import ModelIO

/// What went wrong among the parties of a federation.
public struct FederationError: ErrorInWords, Hashable, Sendable {
  /// What callers can do about it.
  public enum Kind: String, Sendable {
    /// What the user asked for is wrong by itself: a number out of range, settings that do not go together.
    case badInput
    /// A party sent what the protocol does not allow; it is left out, and the round goes on without it.
    case refused
    /// Too few parties are left to end the round with a right result.
    case tooFew
    /// A party did not answer in time, or its connection ended.
    case gone
    /// Someone asked to stop.
    case stopped
  }

  /// What callers can do about it.
  public let kind: Kind
  /// What is wrong, where, and how to mend it; without a full stop.
  public let sentence: Sentence

  /// An error with its sentence.
  public init(_ message: String, _ kind: Kind) {
    self.init(advising: Sentence(message), kind)
  }

  /// - Parameter sentence: one that names settings.
  public init(advising sentence: Sentence, _ kind: Kind) {
    self.sentence = sentence
    self.kind = kind
  }

  /// The sentence, with settings in words.
  public var message: String { sentence.description }
}

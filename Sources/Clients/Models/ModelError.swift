import ModelIO

/// A model that cannot be made as asked.
public struct ModelError: ErrorInWords, Hashable, Sendable {
  /// One sentence: what is wrong, where, and how to mend it.
  public let sentence: Sentence

  /// An error with its sentence.
  public init(_ message: String) {
    sentence = Sentence(message)
  }

  /// - Parameter sentence: one that names settings.
  public init(advising sentence: Sentence) {
    self.sentence = sentence
  }

  /// The sentence, with settings in words.
  public var message: String { sentence.description }
}

/// A model that cannot be made as asked.
public struct ModelError: Error, Hashable, Sendable, CustomStringConvertible {
  /// One sentence: what is wrong, where, and how to mend it.
  public let message: String

  /// An error with its sentence.
  public init(_ message: String) {
    self.message = message
  }

  /// The sentence.
  public var description: String { message }
}

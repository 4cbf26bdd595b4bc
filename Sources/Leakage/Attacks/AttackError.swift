/// An attack that cannot be run as asked: it needs what is not there.
public struct AttackError: Error, Hashable, Sendable, CustomStringConvertible {
  /// One sentence: what is missing or does not fit, and what to do instead.
  public let message: String

  public init(_ message: String) {
    self.message = message
  }

  public var description: String { message }
}

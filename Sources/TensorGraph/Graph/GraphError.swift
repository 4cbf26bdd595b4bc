/// A graph that cannot be built, compiled or run as asked.
///
/// Builder methods trap with this message, because a wrong graph is a programmer's error;
/// ``GraphBuilder/add(_:_:)`` throws it, for importers whose graphs come from files.
public struct GraphError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What callers can tell apart.
  public enum Kind: Hashable, Sendable {
    /// No graph: mismatched shapes, a wrong element type, a bad attribute.
    case malformed
    /// A graph that the backend cannot compile.
    case unsupported
    /// A run that failed: the memory or the device gave out.
    case failedRun
  }

  /// One sentence: what is wrong, with the offending values.
  public let message: String
  /// Where it went wrong.
  public let kind: Kind

  /// An error with its sentence.
  public init(_ message: String, _ kind: Kind = .malformed) {
    self.message = message
    self.kind = kind
  }

  /// The sentence.
  public var description: String { message }
}

/// A graph that cannot be built as asked: mismatched shapes, a wrong element type, a bad attribute.
///
/// Builder methods trap with this message, because a wrong graph is a programmer's error;
/// ``GraphBuilder/add(_:_:)`` throws it, for importers whose graphs come from files.
public struct GraphError: Error, Hashable, Sendable, CustomStringConvertible {
  /// One sentence: what is wrong, with the offending values.
  public let message: String

  public init(_ message: String) {
    self.message = message
  }

  public var description: String { message }
}

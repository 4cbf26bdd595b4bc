import TensorGraph

/// An attack that cannot be run as asked: it needs what is not there.
public struct AttackError: Error, Hashable, Sendable, CustomStringConvertible {
  /// One sentence: what is missing or does not fit, and what to do instead.
  public let message: String

  public init(_ message: String) {
    self.message = message
  }

  public var description: String { message }
}

/// What `body` computes. Where the backend fails, the error says so after `failure`, such as "lenet cannot be
/// attacked".
func onBackend<R>(
  _ failure: @autoclosure () -> String, _ body: () throws(GraphError) -> R
) throws(AttackError) -> R {
  do {
    return try body()
  } catch {
    throw AttackError("\(failure()): \(error.message)")
  }
}

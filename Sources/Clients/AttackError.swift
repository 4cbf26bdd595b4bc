import ModelIO
import TensorGraph

/// What went wrong in an attack, a client's update, or the reading of either.
public struct AttackError: ErrorInWords, Hashable, Sendable {
  /// What callers can do about it.
  public enum Kind: String, Sendable {
    /// The attack, defence or rule needs what this model or update has not: another may do.
    case notApplicable
    /// Someone asked to stop, or the time was over.
    case stopped
    /// The backend cannot run the model's graph.
    case backendFailed
    /// What was given is wrong by itself: a number out of range, tensors that do not fit.
    case badInput
  }

  /// What callers can do about it.
  public let kind: Kind
  /// One sentence: what is missing or does not fit, and what to do instead.
  public let sentence: Sentence

  /// An error with its sentence; of a kind that another attack may mend by default.
  public init(_ message: String, _ kind: Kind = .notApplicable) {
    self.init(advising: Sentence(message), kind)
  }

  /// - Parameter sentence: one that names settings.
  public init(advising sentence: Sentence, _ kind: Kind = .notApplicable) {
    self.sentence = sentence
    self.kind = kind
  }

  /// The sentence, without the options of a command.
  public var message: String { sentence.description }

  /// Runs `body`; should the backend not be able to, the error says of what.
  ///
  /// - Parameters:
  ///   - subject: the name of the model.
  ///   - action: what it then cannot be: "attacked", "run".
  package static func naming<R>(
    _ subject: String, _ action: String, _ body: () throws(GraphError) -> R
  ) throws(AttackError) -> R {
    do {
      return try body()
    } catch {
      throw AttackError(
        "\(subject) cannot be \(action): \(error.message)", .backendFailed)
    }
  }

  /// What `body` gives; nil where it does not apply, or was stopped, which who asked for that still knows.
  ///
  /// - Throws: the errors of any other kind.
  package static func ifApplicable<R>(
    _ body: () throws(AttackError) -> R?
  ) throws(AttackError) -> R? {
    do {
      return try body()
    } catch {
      guard error.kind == .notApplicable || error.kind == .stopped else { throw error }
      return nil
    }
  }
}

/// An ONNX model that cannot be read or lowered as asked: what is wrong, where, how to mend it.
public struct ONNXError: ErrorInWords, Hashable, Sendable {
  /// What stands in the way.
  public enum Kind: Hashable, Sendable {
    /// The file cannot be read, or breaks a rule of ONNX.
    case malformed
    /// The model is fine, but uses something that gradleak does not implement.
    case unsupported
    /// The model is larger than the limits allow.
    case tooLarge
    /// The caller's shapes, names or modes do not fit the model.
    case mismatch
  }

  /// What callers can tell apart.
  public let kind: Kind
  /// One sentence, with the offending node and values. Control characters are escaped.
  public let sentence: Sentence

  /// An error with its sentence.
  public init(_ kind: Kind, _ message: String) {
    self.init(kind, advising: Sentence(message))
  }

  /// - Parameter sentence: one that names settings.
  public init(_ kind: Kind, advising sentence: Sentence) {
    self.kind = kind
    self.sentence = sentence.escapingControlCharacters
  }

  /// The sentence, with settings in words.
  public var message: String { sentence.description }

  /// The same error with `place` in front: a path, or a node.
  func located(_ place: String) -> ONNXError {
    ONNXError(kind, advising: "\(place): \(sentence)")
  }
}

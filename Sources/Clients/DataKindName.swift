/// The name of a kind of private data: what clients hold, attacks read and defences protect, and the key of the
/// examples in experiments and records.
public struct DataKindName: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral {
  /// As files have it.
  public let rawValue: String

  /// A name as files have it.
  public init(rawValue: String) {
    self.rawValue = rawValue
  }

  /// A name as files have it.
  public init(stringLiteral name: String) {
    rawValue = name
  }

  /// What models of images are trained on.
  public static let pictures: DataKindName = "pictures"
  /// What language models are trained on.
  public static let texts: DataKindName = "texts"
}

/// One sentence or more for people, which may name settings: each reader is told them by the names that he
/// knows.
///
/// Written as a string in which a setting stands with or without a value, `"use \(.lossScale, 0.5)"`, and kept
/// in records in words, "use loss scale 0.5".
public struct Sentence: Sendable, CustomStringConvertible, ExpressibleByStringInterpolation {
  fileprivate enum Part: Sendable {
    case text(String)
    case setting(Setting)
  }

  fileprivate var parts: [Part]

  /// A sentence that names no setting.
  public init(_ text: String) {
    parts = [.text(text)]
  }

  /// A sentence that names no setting.
  public init(stringLiteral text: String) {
    self.init(text)
  }

  /// A sentence with settings in it.
  public init(stringInterpolation: StringInterpolation) {
    parts = stringInterpolation.parts
  }

  /// The sentence with the settings' names in words.
  public var description: String { naming(\.rawValue) }

  /// The sentence with settings called as `name` says.
  public func naming(_ name: (Setting) -> String) -> String {
    parts.reduce(into: "") { text, part in
      switch part {
      case .text(let own): text += own
      case .setting(let setting): text += name(setting)
      }
    }
  }

  /// The sentence with control characters as `\u{…}`.
  var escapingControlCharacters: Sentence {
    var escaped = self
    escaped.parts = parts.map { part in
      if case .text(let text) = part { .text(text.escapingControlCharacters) } else { part }
    }
    return escaped
  }

  /// Builds a sentence from a string with settings in it.
  public struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var parts: [Part] = []

    /// Nothing yet.
    public init(literalCapacity: Int, interpolationCount: Int) {
      parts.reserveCapacity(2 * interpolationCount + 1)
    }

    /// Adds text.
    public mutating func appendLiteral(_ literal: String) {
      parts.append(.text(literal))
    }

    /// Adds a value as text.
    public mutating func appendInterpolation(_ value: some CustomStringConvertible) {
      parts.append(.text("\(value)"))
    }

    /// Adds another sentence with its settings.
    public mutating func appendInterpolation(_ sentence: Sentence) {
      parts += sentence.parts
    }

    /// Adds a setting, which every reader is told by his own name for it.
    public mutating func appendInterpolation(_ setting: Setting) {
      parts.append(.setting(setting))
    }

    /// A setting and what to set it to.
    public mutating func appendInterpolation(
      _ setting: Setting, _ value: some CustomStringConvertible
    ) {
      parts += [.setting(setting), .text(" \(value)")]
    }
  }
}

/// Sentences with the same words are equal.
extension Sentence: Hashable {
  /// Equal in words.
  public static func == (left: Sentence, right: Sentence) -> Bool {
    left.description == right.description
  }

  /// Of the words.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(description)
  }
}

/// In records a sentence is its words.
extension Sentence: Codable {
  /// Reads it from a file.
  public init(from decoder: any Decoder) throws {
    self.init(try decoder.singleValueContainer().decode(String.self))
  }

  /// Writes it into a file.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// An error that a user is told of in a sentence.
public protocol ErrorInWords: Error, CustomStringConvertible {
  /// What is wrong, where, and how to mend it; without a full stop where it is a single sentence.
  var sentence: Sentence { get }
}

extension ErrorInWords {
  /// The sentence, with settings in words.
  public var description: String { sentence.description }
}

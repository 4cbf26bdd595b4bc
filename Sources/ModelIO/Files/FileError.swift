/// A file that cannot be read or written as asked: which one, what is wrong, how to mend it.
public struct FileError: ErrorInWords, Hashable, Sendable {
  /// The path as the user gave it.
  public let path: String
  /// What is wrong, without a full stop: "the file is empty".
  public let problem: String
  /// How to mend it, without a full stop: "give a PNG or JPEG image".
  public let remedy: Sentence
  /// What the sentence speaks of, row by row, the head first; empty for most.
  public let table: [[String]]

  /// An error of the file at `path`.
  public init(path: String, problem: String, remedy: String) {
    self.init(path: path, problem: problem, advising: Sentence(remedy))
  }

  /// - Parameters:
  ///   - remedy: one that names settings.
  ///   - table: that belongs to it, its head first.
  public init(path: String, problem: String, advising remedy: Sentence, table: [[String]] = []) {
    self.path = path
    self.problem = problem
    self.remedy = remedy
    self.table = table
  }

  /// `PATH: PROBLEM; REMEDY`. Control characters of hostile names are escaped.
  public var sentence: Sentence {
    "\(path.escapingControlCharacters): \(problem); \(remedy)"
  }
}

extension String {
  /// The text with control characters as `\u{…}`, so that a file cannot drive the terminal.
  package var escapingControlCharacters: String {
    var result = ""
    for scalar in unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator:
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      default:
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// The text between quotation marks, made safe to print and cut after 80 characters.
  package var quotedForMessage: String {
    let head = unicodeScalars.prefix(80)
    let ellipsis = head.endIndex < unicodeScalars.endIndex ? "…" : ""
    return "\"" + String(head).escapingControlCharacters + ellipsis + "\""
  }
}

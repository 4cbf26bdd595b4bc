/// A JSON document as a tree (RFC 8259), for files of settings and vocabularies.
///
/// Objects keep their keys in order and as they are: Swift's strings would take two spellings of one
/// accented letter for the same key, which vocabularies tell apart.
package enum JSONValue: Sendable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([(key: String, value: JSONValue)])

  /// Deeper nesting than any tokenizer or configuration has.
  private static let depthLimit = 64

  /// Parses a whole document.
  ///
  /// - Throws: ``FileError`` when the bytes are not JSON in UTF-8, or nested too deeply.
  package init(parsing bytes: [UInt8], path: String) throws(FileError) {
    try WantedFile.json.refuseOthers(bytes, path: path)
    self = try bytes.withUnsafeBufferPointer { (buffer) throws(FileError) -> JSONValue in
      var scanner = JSONScanner(UnsafeRawBufferPointer(buffer)) { problem in
        FileError(
          path: path, problem: "the file \(problem)",
          remedy: "give a JSON file, or download it again if it is damaged")
      }
      let value = try JSONValue(&scanner, depth: 0)
      scanner.skipWhitespace()
      guard scanner.peek == nil else {
        throw scanner.damage("goes on after its end at byte \(scanner.position)")
      }
      return value
    }
  }

  private init(_ scanner: inout JSONScanner, depth: Int) throws(FileError) {
    guard depth < JSONValue.depthLimit else {
      throw scanner.damage("is nested more than \(JSONValue.depthLimit) deep")
    }
    scanner.skipWhitespace()
    switch scanner.peek {
    case UInt8(ascii: "{"):
      var members: [(key: String, value: JSONValue)] = []
      try scanner.expect("{")
      if !scanner.skip("}") {
        repeat {
          let key = try scanner.string()
          try scanner.expect(":")
          members.append((key, try JSONValue(&scanner, depth: depth + 1)))
        } while scanner.skip(",")
        try scanner.expect("}")
      }
      self = .object(members)
    case UInt8(ascii: "["):
      var elements: [JSONValue] = []
      try scanner.expect("[")
      if !scanner.skip("]") {
        repeat {
          elements.append(try JSONValue(&scanner, depth: depth + 1))
        } while scanner.skip(",")
        try scanner.expect("]")
      }
      self = .array(elements)
    case UInt8(ascii: "\""):
      self = .string(try scanner.string())
    case UInt8(ascii: "t"):
      try scanner.expect(word: "true")
      self = .bool(true)
    case UInt8(ascii: "f"):
      try scanner.expect(word: "false")
      self = .bool(false)
    case UInt8(ascii: "n"):
      try scanner.expect(word: "null")
      self = .null
    default:
      self = .number(try scanner.number())
    }
  }

  /// The first key that an object in this value has twice, with those of the objects around it; nil when there
  /// is none.
  package var duplicateKey: String? {
    switch self {
    case .object(let members):
      var keys: Set<String> = []
      for (key, value) in members {
        if !keys.insert(key).inserted { return key }
        if let inner = value.duplicateKey { return key + "." + inner }
      }
      return nil
    case .array(let elements): return elements.lazy.compactMap(\.duplicateKey).first
    default: return nil
    }
  }

  /// The value of the first member called `key`; nil when there is none, or it is null, or this is no
  /// object.
  package subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self,
      let value = members.first(where: { $0.key == key })?.value
    else { return nil }
    if case .null = value { return nil }
    return value
  }

  package var string: String? {
    if case .string(let text) = self { text } else { nil }
  }

  package var bool: Bool? {
    if case .bool(let flag) = self { flag } else { nil }
  }

  package var number: Double? {
    if case .number(let number) = self { number } else { nil }
  }

  /// The number, when it is a whole one.
  package var integer: Int? {
    number.flatMap { Int(exactly: $0) }
  }

  package var array: [JSONValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  package var members: [(key: String, value: JSONValue)]? {
    if case .object(let members) = self { members } else { nil }
  }
}

import TensorGraph

/// Reads the JSON of a safetensors header, which has one form only: an object of objects.
///
/// A general JSON parser would drop duplicate keys silently and recurse as deeply as a hostile
/// file asks; this one knows which token comes next and needs neither recursion nor a tree.
struct HeaderParser {
  /// More axes than any tensor has, few enough that a header cannot ask for much memory.
  static let maximumRank = 64

  private var scanner: JSONScanner
  private let path: String

  init(_ bytes: UnsafeRawBufferPointer, path: String) {
    scanner = JSONScanner(bytes, path: path)
    self.path = path
  }

  /// The tensors by name, and the metadata.
  mutating func parse() throws(FileError) -> (
    entries: [String: SafetensorsEntry], metadata: [String: String]
  ) {
    var entries: [String: SafetensorsEntry] = [:]
    var metadata: [String: String]?
    guard scanner.peek == UInt8(ascii: "{") else {
      throw malformed(path, "the header does not start with an opening brace")
    }
    try parseMembers { (parser, name) throws(FileError) in
      if name == "__metadata__" {
        guard metadata == nil else { throw parser.duplicate(name) }
        metadata = try parser.parseMetadata()
      } else {
        guard entries[name] == nil else { throw parser.duplicate(name) }
        entries[name] = try parser.parseEntry(name: name)
      }
    }
    try scanner.expectOnlySpaces()
    return (entries, metadata ?? [:])
  }

  /// Parses an object, calling `member` at the value of each key.
  private mutating func parseMembers(
    _ member: (inout HeaderParser, String) throws(FileError) -> Void
  ) throws(FileError) {
    try scanner.expect("{")
    if scanner.skip("}") { return }
    repeat {
      let key = try scanner.string()
      try scanner.expect(":")
      try member(&self, key)
    } while scanner.skip(",")
    try scanner.expect("}")
  }

  private mutating func parseMetadata() throws(FileError) -> [String: String] {
    var metadata: [String: String] = [:]
    try parseMembers { (parser, key) throws(FileError) in
      guard metadata[key] == nil else { throw parser.duplicate(key) }
      metadata[key] = try parser.scanner.string()
    }
    return metadata
  }

  private mutating func parseEntry(name: String) throws(FileError) -> SafetensorsEntry {
    var type: StoredType?
    var shape: Shape?
    var offsets: Range<Int>?
    try parseMembers { (parser, key) throws(FileError) in
      switch key {
      case "dtype":
        guard type == nil else { throw parser.duplicate(key) }
        type = try parser.parseType(of: name)
      case "shape":
        guard shape == nil else { throw parser.duplicate(key) }
        shape = try parser.parseShape(of: name)
      case "data_offsets":
        guard offsets == nil else { throw parser.duplicate(key) }
        offsets = try parser.parseOffsets(of: name)
      default:
        throw malformed(
          parser.path,
          "tensor \(name.quotedForMessage) has an unknown field \(key.quotedForMessage)")
      }
    }
    guard let type, let shape, let offsets else {
      let missing = type == nil ? "dtype" : shape == nil ? "shape" : "data_offsets"
      throw malformed(path, "tensor \(name.quotedForMessage) has no \(missing)")
    }
    return SafetensorsEntry(name: name, type: type, shape: shape, offsets: offsets)
  }

  private mutating func parseType(of name: String) throws(FileError) -> StoredType {
    let text = try scanner.string()
    guard let type = StoredType(rawValue: text) else {
      let supported = StoredType.allCases.map(\.rawValue).joined(separator: ", ")
      throw FileError(
        path: path,
        problem: "tensor \(name.quotedForMessage) has the element type "
          + "\(text.quotedForMessage), which cannot be read",
        remedy: "convert it to one of \(supported)")
    }
    return type
  }

  private mutating func parseShape(of name: String) throws(FileError) -> Shape {
    let extents = try parseIntegers(limit: HeaderParser.maximumRank)
    do {
      return try Shape(validating: extents)
    } catch {
      throw malformed(path, "tensor \(name.quotedForMessage): \(error.message)")
    }
  }

  private mutating func parseOffsets(of name: String) throws(FileError) -> Range<Int> {
    let offsets = try parseIntegers(limit: 2)
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw malformed(
        path,
        "tensor \(name.quotedForMessage) has the data_offsets \(offsets), not a start and an end")
    }
    return offsets[0]..<offsets[1]
  }

  private mutating func parseIntegers(limit: Int) throws(FileError) -> [Int] {
    try scanner.expect("[")
    if scanner.skip("]") { return [] }
    var integers: [Int] = []
    repeat {
      guard integers.count < limit else {
        throw malformed(path, "the header has a list of more than \(limit) numbers")
      }
      integers.append(try scanner.naturalNumber())
    } while scanner.skip(",")
    try scanner.expect("]")
    return integers
  }

  private func duplicate(_ key: String) -> FileError {
    malformed(path, "the header names \(key.quotedForMessage) twice")
  }
}

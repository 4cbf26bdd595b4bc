/// Finds lists and aliases that stand as keys in YAML, in time linear in its length.
///
/// The YAML reader compares keys, written out, while it reads: an alias of an alias of an alias as a key
/// ends no more, so that such keys must be refused before it sees them.
struct PlanKeyScan {
  /// Whether `#` ends what counts of a line. Within quotes it does not, and quotes may begin lines above;
  /// where a document has any, all of its comments are looked at as well.
  private let hasComments: Bool

  init(_ text: String) {
    hasComments = !text.utf8.contains { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") }
  }

  /// Whether a line has `? `, a bracket before a colon, or an alias before one; or begins with a colon, whose
  /// key stands above.
  func hasComplexKey(_ line: Substring) -> Bool {
    var alias = Alias.none
    var isAtStart = true  // of a word
    var previous = space
    var lastMark: UInt8?
    let bytes = line.utf8
    var index = bytes.startIndex
    while index != bytes.endIndex {
      let byte = bytes[index]
      index = bytes.index(after: index)
      let next = index == bytes.endIndex ? space : bytes[index]
      if byte == UInt8(ascii: "#"), hasComments, isBlank(previous) { return false }
      switch byte {
      case UInt8(ascii: "?") where isAtStart && (isBlank(next) || Self.values.contains(next)):
        return true
      case UInt8(ascii: ":"):
        if lastMark == UInt8(ascii: "]") || lastMark == UInt8(ascii: "}") { return true }
        if lastMark == nil, isBlank(next) { return true }
        // In braces no space need follow.
        if alias == .named { return true }
      case UInt8(ascii: "*") where isAtStart: alias = .begun
      case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"): alias = .none
      case _ where isBlank(byte): break
      default:
        if alias == .begun { alias = .named }
        // Another word behind an alias.
        if alias == .named, isBlank(previous) { alias = .none }
      }
      isAtStart = isBlank(byte) || Self.opening.contains(byte)
      if !isBlank(byte) { lastMark = byte }
      previous = byte
    }
    return false
  }

  private enum Alias {
    case none, begun, named
  }

  /// What a word may follow without a space.
  private static let opening: [UInt8] = Array("[{,-?".utf8)
  /// What begins a value that is no plain word.
  private static let values: [UInt8] = Array("*[{".utf8)
  private let space = UInt8(ascii: " ")

  private func isBlank(_ byte: UInt8) -> Bool {
    byte == space || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
  }
}

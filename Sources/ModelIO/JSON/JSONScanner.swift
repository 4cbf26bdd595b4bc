/// Reads JSON tokens (RFC 8259) one after the other from bytes that nobody has checked.
struct JSONScanner {
  private let bytes: UnsafeRawBufferPointer
  /// Makes the error for damage that is told as the end of a sentence: "has no number at byte 3".
  private let error: (String) -> FileError
  private(set) var position = 0

  /// A scanner of a safetensors header.
  init(_ bytes: UnsafeRawBufferPointer, path: String) {
    self.init(bytes) { malformed(path, "the header " + $0) }
  }

  init(_ bytes: UnsafeRawBufferPointer, error: @escaping (String) -> FileError) {
    self.bytes = bytes
    self.error = error
  }

  /// The error for damage that is told as the end of a sentence.
  func damage(_ problem: String) -> FileError { error(problem) }

  /// The next byte, white space included.
  var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  /// Steps over `character`, after white space, if it is next.
  mutating func skip(_ character: Unicode.Scalar) -> Bool {
    skipWhitespace()
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  /// Steps over `character`, after white space.
  mutating func expect(_ character: Unicode.Scalar) throws(FileError) {
    guard skip(character) else {
      throw damage("has no \"\(character)\" at byte \(position)")
    }
  }

  /// Checks that nothing but spaces is left.
  mutating func expectOnlySpaces() throws(FileError) {
    while peek == UInt8(ascii: " ") { position += 1 }
    guard position == bytes.count else {
      throw damage("goes on after its end at byte \(position)")
    }
  }

  /// Steps over `word`, which must come next, after white space.
  mutating func expect(word: StaticString) throws(FileError) {
    skipWhitespace()
    let start = position
    for index in 0..<word.utf8CodeUnitCount {
      guard peek == word.utf8Start[index] else {
        throw damage("has no \(word) at byte \(start)")
      }
      position += 1
    }
  }

  /// A number with sign, fraction and exponent where it has them.
  mutating func number() throws(FileError) -> Double {
    skipWhitespace()
    let start = position
    let characters = "+-.eE0123456789".utf8
    while let byte = peek, characters.contains(byte), position - start < 64 { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let first = text.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "."),
      let value = Double(text), value.isFinite
    else {
      throw damage("has no number at byte \(start)")
    }
    return value
  }

  /// A number without sign, fraction, exponent or leading zero.
  mutating func naturalNumber() throws(FileError) -> Int {
    skipWhitespace()
    let start = position
    var value = 0
    while let byte = peek, isDigit(byte) {
      let (product, productOverflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, sumOverflow) = product.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
      guard !productOverflow, !sumOverflow else {
        throw damage("has a number that is too large at byte \(start)")
      }
      value = sum
      position += 1
    }
    let hasLeadingZero = position - start > 1 && bytes[start] == UInt8(ascii: "0")
    guard position > start, !hasLeadingZero else {
      throw damage("has no whole number at byte \(start)")
    }
    return value
  }

  /// A string with its escapes resolved.
  mutating func string() throws(FileError) -> String {
    try expect("\"")
    let start = position
    var content: [UInt8] = []
    while let byte = peek {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        let text = String(decoding: content, as: UTF8.self)
        // Decoding replaces invalid sequences; then the bytes differ.
        guard text.utf8.elementsEqual(content) else {
          throw damage("has text that is not UTF-8 at byte \(start)")
        }
        return text
      case UInt8(ascii: "\\"):
        content.append(contentsOf: String(try escapedScalar()).utf8)
      case 0..<0x20:
        throw damage("has a control character in a string at byte \(position - 1)")
      default:
        content.append(byte)
      }
    }
    throw damage("has a string without an end at byte \(start)")
  }

  private mutating func escapedScalar() throws(FileError) -> Unicode.Scalar {
    let start = position - 1
    guard let byte = peek else { throw badEscape(start) }
    position += 1
    switch byte {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      var value = try fourHexDigits(start)
      if (0xD800..<0xDC00).contains(value) {
        guard peek == UInt8(ascii: "\\") else { throw badEscape(start) }
        position += 1
        guard peek == UInt8(ascii: "u") else { throw badEscape(start) }
        position += 1
        let low = try fourHexDigits(start)
        guard (0xDC00..<0xE000).contains(low) else { throw badEscape(start) }
        value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(value) else { throw badEscape(start) }
      return scalar
    default: throw badEscape(start)
    }
  }

  private mutating func fourHexDigits(_ start: Int) throws(FileError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw badEscape(start)
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  private func badEscape(_ position: Int) -> FileError {
    damage("has a wrong escape in a string at byte \(position)")
  }

  mutating func skipWhitespace() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  private func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}

import Foundation

/// What a test wants of an uncompressed PDF.
struct ReadPDF {
  /// The file, a byte a character.
  let raw: String
  /// The text of each page, its lines apart by a space.
  let pages: [String]

  var text: String { pages.joined(separator: " ") }
}

/// Reads a PDF whose streams are not packed, as gradleak writes it: text in Windows code page 1252, one block
/// for a line. Characters in other fonts are left out.
func readPDF(_ bytes: [UInt8]) -> ReadPDF {
  let raw = String(bytes.map { Character(Unicode.Scalar($0)) })
  let streams = raw.components(separatedBy: "\nstream\n").dropFirst().compactMap {
    $0.components(separatedBy: "\nendstream").first
  }
  let pages = streams.filter { $0.contains("BT ") }.map { content in
    content.components(separatedBy: "BT ").dropFirst().map(shown).joined(separator: " ")
  }
  return ReadPDF(raw: raw, pages: pages)
}

/// The strings of one block.
private func shown(_ block: String) -> String {
  var text: [UInt8] = []
  var isInside = false
  var isEscaped = false
  for character in block.unicodeScalars {
    guard isInside else {
      isInside = character == "("
      continue
    }
    if isEscaped {
      text.append(UInt8(character.value))
      isEscaped = false
    } else if character == "\\" {
      isEscaped = true
    } else if character == ")" {
      isInside = false
    } else {
      text.append(UInt8(character.value))
    }
  }
  return String(bytes: text, encoding: .windowsCP1252) ?? ""
}

/// One character as a page shows it.
package struct PDFGlyph: Sendable {
  /// Index in the document's fonts.
  let font: Int
  let code: Int
  /// How far it moves the pen at size 1.
  package let advance: Double
  /// Of the size: exponents are smaller, and higher.
  let scale: Double
  let rise: Double
  /// Whether a line may end here: a space, or a character of a script without spaces.
  package let isSpace: Bool
  package let isIdeograph: Bool
}

/// The fonts of one document: standard ones for Latin text, and for other characters those of the machine.
package struct PDFFonts {
  /// A font of the machine with what of it is used.
  struct Embedded {
    let path: String
    let font: TrueTypeFont
    /// Characters of the glyphs that are used.
    var used: [Int: Unicode.Scalar] = [:]
  }

  private var system: SystemFonts
  private(set) var embedded: [Embedded] = []
  /// Characters that no font has.
  package private(set) var missing: Set<Unicode.Scalar> = []
  private var known: [Key: PDFGlyph] = [:]

  private struct Key: Hashable {
    let scalar: Unicode.Scalar
    let face: StandardFont
  }

  package init(_ system: SystemFonts) {
    self.system = system
  }

  private static let exponents: [Unicode.Scalar: Unicode.Scalar] = [
    "⁰": "0", "⁴": "4", "⁵": "5", "⁶": "6", "⁷": "7", "⁸": "8", "⁹": "9", "⁻": "–", "⁺": "+",
    "ᵀ": "T",
  ]

  /// The glyphs of a text in a face.
  package mutating func glyphs(_ text: String, _ face: StandardFont) -> [PDFGlyph] {
    text.unicodeScalars.map { scalar in
      let key = Key(scalar: scalar, face: face)
      if let glyph = known[key] { return glyph }
      let glyph = find(scalar, face)
      known[key] = glyph
      return glyph
    }
  }

  private mutating func find(_ scalar: Unicode.Scalar, _ face: StandardFont) -> PDFGlyph {
    if scalar.properties.isWhitespace { return latin(0x20, face, isSpace: true) }
    if let code = WinAnsi.code(of: scalar) {
      // Exponents of one digit look like the others.
      if let digit = ["¹": 0x31, "²": 0x32, "³": 0x33][scalar] {
        return latin(digit, face, scale: 0.65, rise: 0.35)
      }
      return latin(code, face)
    }
    if let base = PDFFonts.exponents[scalar], let code = WinAnsi.code(of: base) {
      return latin(code, face, scale: 0.65, rise: 0.35)
    }
    if let symbol = StandardFont.symbols[scalar] {
      return PDFGlyph(
        font: PDFFonts.index(.symbol), code: symbol.code, advance: Double(symbol.advance) / 1000,
        scale: 1, rise: 0, isSpace: false, isIdeograph: false)
    }
    if let glyph = embed(scalar) { return glyph }
    missing.insert(scalar)
    let advance = Double(StandardFont.dingbats.advance(StandardFont.missing)) / 1000
    return PDFGlyph(
      font: PDFFonts.index(.dingbats), code: StandardFont.missing, advance: advance, scale: 1,
      rise: 0, isSpace: false, isIdeograph: true)
  }

  private func latin(
    _ code: Int, _ face: StandardFont, isSpace: Bool = false, scale: Double = 1, rise: Double = 0
  ) -> PDFGlyph {
    PDFGlyph(
      font: PDFFonts.index(face), code: code,
      advance: scale * Double(face.advance(code)) / 1000, scale: scale, rise: rise,
      isSpace: isSpace, isIdeograph: false)
  }

  private mutating func embed(_ scalar: Unicode.Scalar) -> PDFGlyph? {
    guard let (path, font) = system.font(with: scalar), let glyph = font.glyph(of: scalar) else {
      return nil
    }
    let place: Int
    if let known = embedded.firstIndex(where: { $0.path == path }) {
      place = known
    } else {
      place = embedded.count
      embedded.append(Embedded(path: path, font: font))
    }
    embedded[place].used[glyph] = embedded[place].used[glyph] ?? scalar
    return PDFGlyph(
      font: StandardFont.allCases.count + place, code: glyph,
      advance: Double(font.advance(glyph)) / 1000, scale: 1, rise: 0, isSpace: false,
      isIdeograph: scalar.value >= 0x2E80)
  }

  private static func index(_ font: StandardFont) -> Int {
    StandardFont.allCases.firstIndex(of: font) ?? 0
  }

  /// A glyph's code as a string of a page's content.
  static func operand(_ glyphs: some Sequence<PDFGlyph>, font: Int) -> [UInt8] {
    guard font < StandardFont.allCases.count else {
      let digits = glyphs.flatMap { TrueTypeFont.bigEndian($0.code, 2) }
        .map { PDFSyntax.hexadecimal($0) }.joined()
      return Array("<\(digits)>".utf8)
    }
    return PDFSyntax.string(glyphs.map { UInt8(truncatingIfNeeded: $0.code) })
  }
}

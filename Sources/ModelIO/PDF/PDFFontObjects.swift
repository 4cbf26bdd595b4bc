extension PDFDocument {
  /// The fonts' objects, in the order of ``PDFGlyph/font``.
  func writeFonts(_ objects: inout PDFObjects) -> [Int] {
    let standard = StandardFont.allCases.map { font in
      objects.add(
        "<< /Type /Font /Subtype /Type1 /BaseFont /\(font.rawValue)"
          + (font.isLatin ? " /Encoding /WinAnsiEncoding" : "") + " >>")
    }
    return standard
      + fonts.embedded.enumerated().map { PDFDocument.write($1, number: $0, &objects) }
  }

  /// A composite font whose codes are its glyphs (ISO 32000-1, 9.7).
  private static func write(
    _ embedded: PDFFonts.Embedded, number: Int, _ objects: inout PDFObjects
  ) -> Int {
    let font = embedded.font
    let glyphs = embedded.used.keys.sorted()
    let subset = font.subset(Set(glyphs))
    let file = objects.addStream(subset, "/Length1 \(subset.count) ")
    // A subset's name begins with six letters of its own (9.6.4).
    let letters = Unicode.Scalar(UInt8(ascii: "A") + UInt8(number % 26))
    let name = String(repeating: "A", count: 5) + String(letters) + "+SystemFont"
    let box = font.box.map(String.init).joined(separator: " ")
    let descriptor = objects.add(
      "<< /Type /FontDescriptor /FontName /\(name) /Flags 4 /FontBBox [\(box)] /ItalicAngle 0 "
        + "/Ascent \(font.ascent) /Descent \(font.descent) /CapHeight \(font.ascent) /StemV 80 "
        + "/FontFile2 \(file) 0 R >>")
    let widths = glyphs.map { "\($0) [\(font.advance($0))]" }.joined(separator: " ")
    let descendant = objects.add(
      "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /\(name) /CIDToGIDMap /Identity "
        + "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
        + "/FontDescriptor \(descriptor) 0 R /W [\(widths)] >>")
    let unicode = objects.addStream(characters(embedded.used))
    return objects.add(
      "<< /Type /Font /Subtype /Type0 /BaseFont /\(name) /Encoding /Identity-H "
        + "/DescendantFonts [\(descendant) 0 R] /ToUnicode \(unicode) 0 R >>")
  }

  /// What characters the glyphs stand for, so that text can be searched and copied (9.10.3).
  private static func characters(_ used: [Int: Unicode.Scalar]) -> [UInt8] {
    var text = """
      /CIDInit /ProcSet findresource begin 12 dict begin begincmap
      /CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
      /CMapName /Adobe-Identity-UCS def /CMapType 2 def
      1 begincodespacerange <0000> <FFFF> endcodespacerange

      """
    func digits(_ value: Int) -> String {
      TrueTypeFont.bigEndian(value, 2).map(PDFSyntax.hexadecimal).joined()
    }
    let glyphs = used.sorted { $0.key < $1.key }
    for start in stride(from: 0, to: glyphs.count, by: 100) {
      let block = glyphs[start..<min(start + 100, glyphs.count)]
      text += "\(block.count) beginbfchar\n"
      for (glyph, scalar) in block {
        let units = String(Character(scalar)).utf16.map { digits(Int($0)) }.joined()
        text += "<\(digits(glyph))> <\(units)>\n"
      }
      text += "endbfchar\n"
    }
    text += "endcmap CMapName currentdict /CMap defineresource pop end end\n"
    return Array(text.utf8)
  }
}

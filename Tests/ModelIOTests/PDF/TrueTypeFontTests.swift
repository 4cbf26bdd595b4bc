import Foundation
import TestSupport
import Testing

@testable import ModelIO

/// A font with the glyphs 0, 1 (for 中, a triangle) and 2 (for 文, made of 1).
private func sampleFont() -> [UInt8] {
  func number(_ value: Int, _ count: Int = 2) -> [UInt8] { TrueTypeFont.bigEndian(value, count) }
  func numbers(_ values: [Int]) -> [UInt8] { values.flatMap { number($0) } }
  let triangle =
    numbers([1, 0, 0, 500, 500, 2, 0]) + [1, 1, 1] + numbers([0, 500, -250]) + numbers([0, 0, 500])
    + [0]
  let composite = numbers([-1, 0, 0, 500, 500, 3, 1, 0, 0])
  var glyf = triangle
  let place = glyf.count
  glyf += composite
  let head =
    number(0x10000, 4) + number(0, 4) + number(0, 4) + number(0x5F0F_3CF5, 4) + numbers([0, 1000])
    + number(0, 8) + number(0, 8) + numbers([0, 0, 500, 500, 0, 8, 2, 1, 0])
  let hhea = number(0x10000, 4) + numbers([800, -200, 0, 600]) + number(0, 22) + numbers([2])
  let maxp = number(0x10000, 4) + numbers([3]) + number(0, 26)
  let hmtx = numbers([500, 0, 1000, 0, 7])
  let loca = [0, 0, place, glyf.count].flatMap { number($0, 4) }
  // One segment for each character, and the last.
  let ends = numbers([0x4E2D, 0x6587, 0xFFFF])
  let starts = numbers([0x4E2D, 0x6587, 0xFFFF])
  let deltas = numbers([1 - 0x4E2D, 2 - 0x6587, 1])
  let segments =
    numbers([4, 16 + 24, 0, 6, 4, 1, 2]) + ends + numbers([0]) + starts + deltas
    + numbers([0, 0, 0])
  let cmap = numbers([0, 1, 3, 1]) + number(12, 4) + segments
  let tables = [
    ("cmap", cmap), ("glyf", glyf), ("head", head), ("hhea", hhea), ("hmtx", hmtx), ("loca", loca),
    ("maxp", maxp),
  ]
  var directory = number(0x10000, 4) + numbers([tables.count, 0, 0, 0])
  var body: [UInt8] = []
  for (tag, bytes) in tables {
    directory += Array(tag.utf8) + number(0, 4)
    directory += number(12 + 16 * tables.count + body.count, 4) + number(bytes.count, 4)
    body += bytes
  }
  return directory + body
}

@Suite struct TrueTypeFontTests {
  @Test func readsCharactersAdvancesAndParts() throws {
    let font = try #require(TrueTypeFont(sampleFont()))
    #expect(font.glyphCount == 3)
    #expect(font.glyph(of: "中") == 1 && font.glyph(of: "文") == 2)
    #expect(font.glyph(of: "A") == nil && font.glyph(of: "😀") == nil)
    #expect(font.advance(0) == 500 && font.advance(1) == 1000 && font.advance(2) == 1000)
    #expect(font.components(of: 2) == [1] && font.components(of: 1).isEmpty)
    #expect(font.ascent == 800 && font.descent == -200)
  }

  @Test func aSubsetHoldsWhatItIsMadeOf() throws {
    let font = try #require(TrueTypeFont(sampleFont()))
    // A subset has no characters: PDF tells them.
    for (glyphs, kept) in [([1], [1]), ([2], [1, 2])] as [(Set<Int>, [Int])] {
      let subset = font.subset(glyphs)
      #expect(subset.count < 1000)
      let text = String(subset.map { Character(Unicode.Scalar($0)) })
      for glyph in kept {
        let outline = String(font.outline(glyph).map { Character(Unicode.Scalar($0)) })
        #expect(text.contains(outline), "\(glyph)")
      }
    }
  }

  @Test func damagedFontsAreRefusedOrRead() {
    let whole = sampleFont()
    for count in 0..<whole.count {
      if let font = TrueTypeFont(Array(whole.prefix(count))) { use(font) }
    }
    for place in whole.indices {
      for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFF] where whole[place] != value {
        var bytes = whole
        bytes[place] = value
        if let font = TrueTypeFont(bytes) { use(font) }
      }
    }
  }

  /// All that a document does with a font.
  private func use(_ font: TrueTypeFont) {
    for scalar: Unicode.Scalar in ["中", "文", "A", "\u{FFFF}"] {
      guard let glyph = font.glyph(of: scalar) else { continue }
      _ = font.advance(glyph)
      _ = font.subset([glyph])
    }
  }

  @Test func documentsEmbedWhatTheyUse() throws {
    let folder = TestFolder()
    folder.file("a.ttf", Array("no font".utf8))
    folder.file("b.ttf", sampleFont())
    func document() -> (PDFDocument, [UInt8]) {
      var document = PDFDocument(
        width: 100, height: 100, fonts: SystemFonts(folders: [folder.path, folder("missing")]))
      document.addPage()
      let glyphs = document.fonts.glyphs("a中b", .regular)
      document.pages[0].text([(glyphs, 10, PDFPage.Color(0))], at: (10, 20))
      return (document, document.bytes(title: "t", creator: "c", day: nil, isCompressed: false))
    }
    let (made, bytes) = document()
    #expect(made.fonts.missing.isEmpty)
    let raw = String(bytes.map { Character(Unicode.Scalar($0)) })
    #expect(raw.contains("(a) Tj") && raw.contains("<0001> Tj") && raw.contains("(b) Tj"))
    #expect(raw.contains("<0001> <4E2D>") && raw.contains("/FontFile2"))
    #expect(bytes == document().1)
  }

  @Test func numbersAreWrittenShort() {
    for (value, text) in [
      (0.0, "0"), (1.5, "1.5"), (-0.25, "-0.25"), (3.05, "3.05"), (.nan, "0"), (.infinity, "0"),
      (1e9, "0"), (-0.001, "0"),
    ] {
      #expect(PDFSyntax.number(value) == text)
    }
    #expect(PDFSyntax.string(Array("a(b)\\\r".utf8)) == Array("(a\\(b\\)\\\\\\r)".utf8))
  }
}

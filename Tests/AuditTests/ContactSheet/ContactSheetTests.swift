import ModelIO
import Testing

@testable import Audit

/// The colour of one pixel.
private func color(of image: Image, x: Int, y: Int) -> Color {
  let index = 3 * (y * image.width + x)
  return Color(image.pixels[index], image.pixels[index + 1], image.pixels[index + 2])
}

/// How many pixels have the colour.
private func count(of color: Color, in image: Image) -> Int {
  stride(from: 0, to: image.pixels.count, by: 3).count {
    Color(image.pixels[$0], image.pixels[$0 + 1], image.pixels[$0 + 2]) == color
  }
}

struct PixelFontTests {
  private let printable = (32..<127).map { Character(Unicode.Scalar(UInt8($0))) }

  @Test func everyPrintableCharacterHasItsOwnGlyph() {
    var seen: Set<[UInt8]> = []
    for character in printable {
      let glyph = PixelFont.glyph(of: character)
      #expect(glyph.rows.count == PixelFont.height)
      #expect((1...5).contains(glyph.width))
      #expect(glyph.rows.allSatisfy { Int($0) < 1 << glyph.width }, "\(character)")
      // Trimmed glyphs of different width may have the same bits.
      seen.insert(glyph.rows + [UInt8(glyph.width)])
    }
    #expect(seen.count == printable.count)
    #expect(PixelFont.glyph(of: " ").rows.allSatisfy { $0 == 0 })
    #expect(PixelFont.glyph(of: "é").rows == PixelFont.glyph(of: "?").rows)
  }

  @Test func textIsAsWideAsItIsDrawn() {
    let text = String(printable)
    var canvas = Canvas(width: PixelFont.width(of: text) * 2, height: 18)
    canvas.draw(text, x: 0, y: 0, scale: 2, .ink)
    let isInked = (0..<canvas.image.width).map { x in
      (0..<18).contains { color(of: canvas.image, x: x, y: $0) == .ink }
    }
    // The last character is a tilde, whose ink reaches the edge.
    #expect(isInked.last == true)
    #expect(PixelFont.width(of: "") == 0)
  }

  @Test func longTextIsCut() {
    #expect(Canvas.fitted("short", width: 100, scale: 2) == "short")
    let long = String(repeating: "wide name ", count: 1000)
    let cut = Canvas.fitted(long, width: 200, scale: 2)
    #expect(cut.hasSuffix("...") && PixelFont.width(of: cut) * 2 <= 200)
    #expect(PixelFont.width(of: cut + "m") * 2 > 180)
  }
}

struct ContactSheetTests {
  private let red = Image(width: 4, height: 2, red: 200, green: 10, blue: 20)
  private let nearlyRed = Image(width: 4, height: 2, red: 190, green: 10, blue: 120)

  @Test func showsBothPicturesAndTheirDifference() {
    let row = ContactSheet.Row(
      name: "red", original: red, reconstruction: nearlyRed,
      captions: [PictureCaption("recovered", tone: .alarm), "label 3"])
    let sheet = ContactSheet(title: "sheet", rows: [row], differenceGain: 2).image()
    // 192 / 4 = 48 times enlarged.
    let area = 48 * 48 * 8
    #expect(count(of: Color(200, 10, 20), in: sheet) == area)
    #expect(count(of: Color(190, 10, 120), in: sheet) == area)
    #expect(count(of: Color(235, 255, 55), in: sheet) == area)
    #expect(count(of: .alarm, in: sheet) > 100)
    #expect(count(of: .calm, in: sheet) == 0)
    #expect(count(of: .faintInk, in: sheet) > 100)
  }

  @Test func anUnknownOriginalIsSaid() {
    let row = ContactSheet.Row(name: "x", original: nil, reconstruction: red, captions: [])
    let sheet = ContactSheet(title: "", rows: [row]).image()
    #expect(count(of: Color(200, 10, 20), in: sheet) == 48 * 48 * 8)
    #expect(count(of: .shade, in: sheet) > 48 * 48 * 8)
  }

  @Test func rowsOfAnySizeAndLengthFit() {
    let sizes = [(1, 1), (300, 200), (5, 224)]
    let name = String(repeating: "long name ", count: 50)
    let captions = (0..<20).map { PictureCaption("caption \($0)") }
    let rows = sizes.map { (width, height) -> ContactSheet.Row in
      let image = Image(width: width, height: height, red: 1, green: 2, blue: 3)
      return .init(name: name, original: image, reconstruction: image, captions: captions)
    }
    let sheet = ContactSheet(title: "sizes", subtitle: "odd", rows: rows).image()
    // Enlarged 192 times, not, and not.
    let area = 192 * 192 + 60_000 + 1_120
    #expect(count(of: Color(1, 2, 3), in: sheet) == 2 * area)
    #expect(ContactSheet(title: "none", rows: []).image().width > 50)
  }

  @Test func aSheetIsTheSameEveryTime() {
    func sheet() -> Image {
      ContactSheet(
        title: "t",
        rows: [.init(name: "n", original: red, reconstruction: red, captions: ["c"])]
      ).image()
    }
    #expect(sheet() == sheet())
  }
}

struct SnapshotStripTests {
  @Test func framesWrapIntoLines() {
    let frames = (0..<5).map { (index: Int) -> SnapshotStrip.Frame in
      let image = Image(width: 32, height: 32, red: UInt8(100 + index), green: 0, blue: 0)
      return .init(iteration: 10 * index, loss: 1 / Double(index + 1), image: image)
    }
    let original = Image(width: 32, height: 32, red: 0, green: 9, blue: 9)
    let strip = SnapshotStrip(title: "t", frames: frames, original: original, columnCount: 3)
      .image()
    for index in 0..<5 {
      #expect(count(of: Color(UInt8(100 + index), 0, 0), in: strip) == 192 * 192)
    }
    #expect(count(of: Color(0, 9, 9), in: strip) == 192 * 192)
    #expect(strip.width < 4 * 192 && strip.height > 2 * 192 && strip.height < 4 * 192)
    _ = SnapshotStrip(frames: []).image()
  }

  @Test(arguments: [
    (0, "0.00e+00"), (1, "1.00e+00"), (-1.5, "-1.50e+00"), (0.001, "1.00e-03"),
    (9.996, "1.00e+01"), (1234.5, "1.23e+03"), (1.05e-12, "1.05e-12"),
    (.leastNonzeroMagnitude, "4.94e-324"),
    (1.7976931348623157e308, "1.80e+308"), (.infinity, "inf"), (-.infinity, "-inf"), (.nan, "nan"),
  ])
  func lossesAreShort(_ value: Double, _ expected: String) {
    #expect(scientificNotation(value) == expected)
  }
}

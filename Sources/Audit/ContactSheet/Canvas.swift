import ModelIO

/// A colour of the picture sheets, in sRGB.
struct Color: Hashable, Sendable {
  let red: UInt8
  let green: UInt8
  let blue: UInt8

  init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
    (self.red, self.green, self.blue) = (red, green, blue)
  }

  static let paper = Color(255, 255, 255)
  static let ink = Color(31, 35, 40)
  static let faintInk = Color(101, 109, 118)
  static let line = Color(208, 215, 222)
  static let shade = Color(246, 248, 250)
  static let alarm = Color(190, 30, 45)
  static let calm = Color(26, 127, 55)
}

/// A picture to draw on. What lies outside is not drawn.
struct Canvas {
  private(set) var image: Image

  init(width: Int, height: Int, color: Color = .paper) {
    image = Image(
      width: width, height: height, red: color.red, green: color.green, blue: color.blue)
  }

  /// Fills a rectangle.
  mutating func fill(x: Int, y: Int, width: Int, height: Int, _ color: Color) {
    let columns = max(x, 0)..<max(min(x + width, image.width), max(x, 0))
    let rows = max(y, 0)..<max(min(y + height, image.height), max(y, 0))
    for row in rows {
      for column in columns {
        let index = 3 * (row * image.width + column)
        image.pixels[index] = color.red
        image.pixels[index + 1] = color.green
        image.pixels[index + 2] = color.blue
      }
    }
  }

  /// Draws a picture enlarged `scale` times without smoothing, inside a thin frame.
  mutating func draw(_ picture: Image, x: Int, y: Int, scale: Int) {
    fill(
      x: x - 1, y: y - 1, width: picture.width * scale + 2, height: picture.height * scale + 2,
      .line)
    for row in 0..<picture.height {
      for column in 0..<picture.width {
        let index = 3 * (row * picture.width + column)
        let color = Color(
          picture.pixels[index], picture.pixels[index + 1], picture.pixels[index + 2])
        fill(x: x + column * scale, y: y + row * scale, width: scale, height: scale, color)
      }
    }
  }

  /// Draws a line of text whose glyph boxes start at (`x`, `y`), enlarged `scale` times.
  mutating func draw(_ text: String, x: Int, y: Int, scale: Int, _ color: Color) {
    var left = x
    for character in text {
      let glyph = PixelFont.glyph(of: character)
      for (row, bits) in glyph.rows.enumerated() {
        for column in 0..<glyph.width where bits >> (glyph.width - 1 - column) & 1 == 1 {
          fill(x: left + column * scale, y: y + row * scale, width: scale, height: scale, color)
        }
      }
      left += (glyph.width + 1) * scale
    }
  }

  /// `text`, cut with dots at its end when it is wider than `width` pixels at `scale`.
  static func fitted(_ text: String, width: Int, scale: Int) -> String {
    // Each character takes at least two pixels, so a longer text never fits.
    var cut = text.prefix(max(width / scale, 0))
    if cut.count == text.count, PixelFont.width(of: text) * scale <= width { return text }
    while !cut.isEmpty, PixelFont.width(of: cut + "...") * scale > width { cut = cut.dropLast() }
    return cut + "..."
  }
}

/// What is drawn on one page, in points from the upper left.
package struct PDFPage {
  /// A colour, each part from 0 to 1.
  package struct Color: Sendable, Equatable {
    package let red: Double
    package let green: Double
    package let blue: Double

    /// Such as 0x1F5FBF.
    package init(_ hexadecimal: Int) {
      red = Double(hexadecimal >> 16 & 0xFF) / 255
      green = Double(hexadecimal >> 8 & 0xFF) / 255
      blue = Double(hexadecimal & 0xFF) / 255
    }

    fileprivate var operands: String {
      [red, green, blue].map(PDFSyntax.number).joined(separator: " ")
    }
  }

  package typealias Point = (x: Double, y: Double)

  struct Link {
    let x: Double
    let y: Double
    let width: Double
    let height: Double
    let target: String
  }

  private let height: Double
  private(set) var content: [UInt8] = []
  private(set) var links: [Link] = []

  init(height: Double) {
    self.height = height
  }

  private mutating func write(_ text: String) { content += Array(text.utf8) }

  private func place(_ point: Point) -> String {
    PDFSyntax.number(point.x) + " " + PDFSyntax.number(height - point.y)
  }

  /// One line of text; `runs` stand one after the other from `point`, which is on the base line.
  package mutating func text(
    _ runs: [(glyphs: [PDFGlyph], size: Double, color: Color)], at point: Point
  ) {
    guard runs.contains(where: { !$0.glyphs.isEmpty }) else { return }
    write("BT \(place(point)) Td\n")
    for run in runs {
      write("\(run.color.operands) rg\n")
      var rest = run.glyphs[...]
      while let first = rest.first {
        let part = rest.prefix {
          $0.font == first.font && $0.scale == first.scale && $0.rise == first.rise
        }
        rest = rest.dropFirst(part.count)
        write(
          "/F\(first.font) \(PDFSyntax.number(run.size * first.scale)) Tf "
            + "\(PDFSyntax.number(run.size * first.rise)) Ts ")
        content += PDFFonts.operand(part, font: first.font)
        write(" Tj\n")
      }
    }
    write("ET\n")
  }

  package mutating func fill(
    x: Double, y: Double, width: Double, height: Double, _ color: Color
  ) {
    write(
      "\(color.operands) rg \(place((x, y + height))) \(PDFSyntax.number(width)) "
        + "\(PDFSyntax.number(height)) re f\n")
  }

  /// The edge of a rectangle, a hairline.
  package mutating func frame(
    x: Double, y: Double, width: Double, height: Double, _ color: Color
  ) {
    line(
      [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)], width: 0.4, color)
  }

  package mutating func line(
    _ points: [Point], width: Double, dash: [Double] = [], _ color: Color
  ) {
    guard points.count > 1 else { return }
    let path = points.enumerated().map { "\(place($1)) \($0 == 0 ? "m" : "l")" }
    let dashes = dash.map(PDFSyntax.number).joined(separator: " ")
    write(
      "\(color.operands) RG \(PDFSyntax.number(width)) w 1 j [\(dashes)] 0 d "
        + path.joined(separator: " ") + " S\n")
  }

  /// A filled circle: four Bézier curves.
  package mutating func dot(_ center: Point, radius: Double, _ color: Color) {
    let (x, y, r, k) = (center.x, center.y, radius, radius * 0.5523)
    write("\(color.operands) rg \(place((x + r, y))) m ")
    for (first, second, end) in [
      ((x + r, y - k), (x + k, y - r), (x, y - r)), ((x - k, y - r), (x - r, y - k), (x - r, y)),
      ((x - r, y + k), (x - k, y + r), (x, y + r)), ((x + k, y + r), (x + r, y + k), (x + r, y)),
    ] {
      write("\(place(first)) \(place(second)) \(place(end)) c ")
    }
    write("f\n")
  }

  /// A picture of the document in a rectangle.
  package mutating func image(_ index: Int, x: Double, y: Double, width: Double, height: Double) {
    write(
      "q \(PDFSyntax.number(width)) 0 0 \(PDFSyntax.number(height)) \(place((x, y + height))) cm "
        + "/I\(index) Do Q\n")
  }

  /// A place that leads to the bookmark of this name.
  package mutating func link(
    to target: String, x: Double, y: Double, width: Double, height: Double
  ) {
    links.append(Link(x: x, y: y, width: width, height: height, target: target))
  }
}

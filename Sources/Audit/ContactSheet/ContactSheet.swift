import ModelIO

/// One line of text beside or below a picture.
package struct PictureCaption: Hashable, Sendable, ExpressibleByStringLiteral {
  /// What the line means for privacy, shown by its colour.
  package enum Tone: Hashable, Sendable {
    /// A plain fact.
    case plain
    /// Private data came back.
    case alarm
    /// Private data stayed private.
    case calm
  }

  package let text: String
  package let tone: Tone

  package init(_ text: String, tone: Tone = .plain) {
    self.text = text
    self.tone = tone
  }

  package init(stringLiteral text: String) {
    self.init(text)
  }

  var color: Color {
    switch tone {
    case .plain: .faintInk
    case .alarm: .alarm
    case .calm: .calm
    }
  }
}

/// A picture that compares reconstructions with their originals, one row for each image.
package struct ContactSheet: Sendable {
  /// One image: what was private, what the attack found, and what there is to say of it.
  package struct Row: Sendable {
    let name: String
    let original: Image?
    let reconstruction: Image
    let captions: [PictureCaption]

    /// - Parameters:
    ///   - original: nil when the truth is not known. Must have the reconstruction's size.
    ///   - captions: lines below the name, such as measures, label and verdict.
    package init(
      name: String, original: Image?, reconstruction: Image, captions: [PictureCaption]
    ) {
      if let original {
        precondition(
          original.width == reconstruction.width && original.height == reconstruction.height,
          "cannot compare \(reconstruction.width) x \(reconstruction.height) pixels with "
            + "\(original.width) x \(original.height)")
      }
      self.name = name
      self.original = original
      self.reconstruction = reconstruction
      self.captions = captions
    }
  }

  private let title: String
  private let subtitle: String
  private let rows: [Row]
  private let differenceGain: Int

  /// - Parameters:
  ///   - title: the first line.
  ///   - subtitle: a line below it, such as model and attack.
  ///   - differenceGain: how many times differences are amplified; said in the heading.
  package init(title: String, subtitle: String = "", rows: [Row], differenceGain: Int = 4) {
    precondition(differenceGain > 0, "cannot amplify differences \(differenceGain) times")
    self.title = title
    self.subtitle = subtitle
    self.rows = rows
    self.differenceGain = differenceGain
  }

  /// Draws the sheet.
  package func image() -> Image {
    let layout = SheetLayout(
      pictures: rows.map(\.reconstruction),
      textWidth: rows.map(textWidth).max() ?? 0,
      lineCount: rows.map { $0.captions.count + 1 }.max() ?? 1)
    let textX = layout.columnX(3) + 4
    let heading = max(PixelFont.width(of: title) * 3, PixelFont.width(of: subtitle) * 2)
    let width = max(textX + layout.textWidth, layout.margin + heading) + layout.margin
    let firstRowY = layout.margin + (subtitle.isEmpty ? 82 : 108)
    let height = firstRowY + rows.count * (layout.rowHeight + layout.rowGap) + 6
    var canvas = Canvas(width: width, height: height)
    canvas.draw(title, x: layout.margin, y: layout.margin, scale: 3, .ink)
    canvas.draw(subtitle, x: layout.margin, y: layout.margin + 34, scale: 2, .faintInk)
    let headings = ["original", "reconstruction", "difference x\(differenceGain)"]
    for (column, text) in headings.enumerated() {
      let x = layout.columnX(column)
      canvas.draw(
        Canvas.fitted(text, width: layout.cellWidth + layout.columnGap - 6, scale: 2), x: x,
        y: firstRowY - 26, scale: 2, .ink)
    }
    for (index, row) in rows.enumerated() {
      let y = firstRowY + index * (layout.rowHeight + layout.rowGap)
      draw(row, y: y, textX: textX, layout: layout, on: &canvas)
    }
    return canvas.image
  }

  private func textWidth(of row: Row) -> Int {
    ([row.name] + row.captions.map(\.text)).map { PixelFont.width(of: $0) * 2 }.max() ?? 0
  }

  private func draw(
    _ row: Row, y: Int, textX: Int, layout: SheetLayout, on canvas: inout Canvas
  ) {
    let picture = row.reconstruction
    let scale = SheetLayout.scale(of: picture)
    if let original = row.original {
      canvas.draw(original, x: layout.columnX(0), y: y, scale: scale)
      canvas.draw(
        amplifiedDifference(picture, original, gain: differenceGain), x: layout.columnX(2), y: y,
        scale: scale)
    } else {
      for column in [0, 2] {
        let x = layout.columnX(column)
        canvas.fill(
          x: x, y: y, width: picture.width * scale, height: picture.height * scale, .shade)
        canvas.draw("not known", x: x + 12, y: y + 12, scale: 2, .faintInk)
      }
    }
    canvas.draw(picture, x: layout.columnX(1), y: y, scale: scale)
    func line(_ index: Int, _ text: String, _ color: Color) {
      let fitted = Canvas.fitted(text, width: layout.textWidth, scale: 2)
      canvas.draw(fitted, x: textX, y: y + index * layout.lineHeight, scale: 2, color)
    }
    line(0, row.name, .ink)
    for (index, caption) in row.captions.enumerated() {
      line(index + 1, caption.text, caption.color)
    }
  }
}

/// White where both pictures agree, darker and coloured where they differ. Both have one size.
func amplifiedDifference(_ first: Image, _ second: Image, gain: Int) -> Image {
  let pixels = zip(first.pixels, second.pixels).map { a, b in
    UInt8(255 - min(abs(Int(a) - Int(b)) * gain, 255))
  }
  return Image(width: first.width, height: first.height, pixels: pixels)
}

/// Distances shared by the picture sheets, in pixels.
struct SheetLayout {
  let margin = 28
  let columnGap = 22
  let rowGap = 26
  let lineHeight = 26
  let cellWidth: Int
  let textWidth: Int
  let rowHeight: Int

  /// - Parameters:
  ///   - textWidth: of the widest line; cut at 360.
  ///   - lineCount: the most lines of text beside a picture.
  init(pictures: [Image], textWidth: Int, lineCount: Int) {
    cellWidth = pictures.map { $0.width * SheetLayout.scale(of: $0) }.max() ?? 0
    let pictureHeight = pictures.map { $0.height * SheetLayout.scale(of: $0) }.max() ?? 0
    self.textWidth = min(textWidth, 360)
    rowHeight = max(pictureHeight, lineCount * lineHeight - 8)
  }

  func columnX(_ column: Int) -> Int { margin + column * (cellWidth + columnGap) }

  /// The whole number of times that a picture is enlarged: to about 192 pixels.
  static func scale(of picture: Image) -> Int {
    max(192 / max(picture.width, picture.height), 1)
  }
}

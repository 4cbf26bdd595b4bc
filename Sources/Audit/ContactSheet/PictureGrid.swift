import ModelIO

/// A picture of rows of pictures, each with its name above it.
package struct PictureGrid: Sendable {
  private let title: String
  private let rows: [(name: String, images: [Image])]
  private let columnCount: Int

  /// Pixels of a picture's longer side, about.
  private static let side = 84
  private static let margin = 20
  private static let gap = 8
  private static let headingHeight = 26

  /// - Parameters:
  ///   - title: the first line.
  ///   - columnCount: pictures of a row at most; the rest is not drawn.
  package init(title: String, rows: [(name: String, images: [Image])], columnCount: Int = 8) {
    precondition(columnCount > 0, "a grid cannot have \(columnCount) columns")
    self.title = title
    self.rows = rows.filter { !$0.images.isEmpty }
    self.columnCount = columnCount
  }

  /// Draws the grid.
  package func image() -> Image {
    let all = rows.flatMap { $0.images.prefix(columnCount) }
    let largest = all.map { max($0.width, $0.height) }.max() ?? 1
    let scale = max(PictureGrid.side / max(largest, 1), 1)
    let cell = largest * scale
    let names = rows.map { PixelFont.width(of: $0.name) * 2 } + [PixelFont.width(of: title) * 2]
    let columns = rows.map { min($0.images.count, columnCount) }.max() ?? 0
    let (margin, gap) = (PictureGrid.margin, PictureGrid.gap)
    let rowHeight = PictureGrid.headingHeight + cell + 14
    var canvas = Canvas(
      width: 2 * margin + max(columns * (cell + gap) - gap, names.max() ?? 0),
      height: 2 * margin + 30 + rows.count * rowHeight)
    canvas.draw(title, x: margin, y: margin, scale: 2, .ink)
    for (index, row) in rows.enumerated() {
      let y = margin + 34 + index * rowHeight
      canvas.draw(row.name, x: margin, y: y, scale: 2, .faintInk)
      for (column, picture) in row.images.prefix(columnCount).enumerated() {
        canvas.draw(
          picture, x: margin + column * (cell + gap), y: y + PictureGrid.headingHeight,
          scale: scale)
      }
    }
    return canvas.image
  }
}

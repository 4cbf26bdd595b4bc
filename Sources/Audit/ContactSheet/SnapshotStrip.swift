import ModelIO

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A picture of how a reconstruction forms over the iterations of an attack, as in Figure 3 of
/// Zhu, Liu and Han, "Deep Leakage from Gradients", 2019.
package struct SnapshotStrip: Sendable {
  /// The reconstruction at one moment of the attack.
  package struct Frame: Sendable {
    let iteration: Int
    let loss: Double
    let image: Image

    /// - Parameter loss: the matching loss at this iteration.
    package init(iteration: Int, loss: Double, image: Image) {
      self.iteration = iteration
      self.loss = loss
      self.image = image
    }
  }

  private let title: String
  private let frames: [Frame]
  private let original: Image?
  private let columnCount: Int

  /// - Parameters:
  ///   - title: the line above; may be empty.
  ///   - original: shown after the last frame; nil when it is not known.
  ///   - columnCount: the most pictures in one line.
  package init(title: String = "", frames: [Frame], original: Image? = nil, columnCount: Int = 6) {
    precondition(columnCount > 0, "a strip cannot have \(columnCount) columns")
    self.title = title
    self.frames = frames
    self.original = original
    self.columnCount = columnCount
  }

  /// Draws the strip.
  package func image() -> Image {
    var cells = frames.map { frame in
      Cell(
        image: frame.image, heading: "iteration \(frame.iteration)",
        detail: "loss \(scientificNotation(frame.loss))")
    }
    if let original { cells.append(Cell(image: original, heading: "original", detail: "")) }
    let layout = SheetLayout(pictures: cells.map(\.image), textWidth: 0, lineCount: 0)
    let columns = max(min(columnCount, cells.count), 1)
    let rows = (cells.count + columns - 1) / columns
    let captionHeight = 2 * layout.lineHeight + 8
    let top = layout.margin + (title.isEmpty ? 0 : 46)
    let cellHeight = layout.rowHeight + captionHeight + 12
    let titleWidth = PixelFont.width(of: title) * 3
    var canvas = Canvas(
      width: max(layout.columnX(columns) - layout.columnGap, layout.margin + titleWidth)
        + layout.margin,
      height: max(top + rows * cellHeight, layout.margin) + layout.margin - 12)
    canvas.draw(title, x: layout.margin, y: layout.margin, scale: 3, .ink)
    for (index, cell) in cells.enumerated() {
      let x = layout.columnX(index % columns)
      let y = top + index / columns * cellHeight
      canvas.draw(cell.image, x: x, y: y, scale: SheetLayout.scale(of: cell.image))
      let textY = y + layout.rowHeight + 12
      canvas.draw(cell.heading, x: x, y: textY, scale: 2, .ink)
      canvas.draw(cell.detail, x: x, y: textY + layout.lineHeight, scale: 2, .faintInk)
    }
    return canvas.image
  }

  private struct Cell {
    let image: Image
    let heading: String
    let detail: String
  }
}

/// A number with three significant figures and an exponent: `1.23e-04`.
func scientificNotation(_ value: Double) -> String {
  guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
  var exponent = value == 0 ? 0 : Int(log10(abs(value)).rounded(.down))
  // Powers below 1e-308 are not representable, hence two steps.
  func significand() -> Int {
    Int(
      (abs(value) * pow(10, Double(-exponent / 2)) * pow(10, Double(2 - exponent + exponent / 2)))
        .rounded())
  }
  var figures = significand()
  if figures >= 1000 {
    exponent += 1
    figures = significand()
  }
  let sign = value < 0 ? "-" : ""
  let fraction = figures % 100
  let power = abs(exponent)
  return "\(sign)\(figures / 100).\(fraction < 10 ? "0" : "")\(fraction)e"
    + "\(exponent < 0 ? "-" : "+")\(power < 10 ? "0" : "")\(power)"
}

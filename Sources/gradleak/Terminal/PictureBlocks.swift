import Audit
import Foundation
import TensorGraph

/// Pictures in a terminal: every cell is an upper half-block, whose two colours are two pixels.
struct PictureBlocks {
  enum Palette {
    /// 24 bits a colour.
    case trueColor
    /// The cube of 6 x 6 x 6 colours, and its greys.
    case colors256
  }

  let palette: Palette

  /// What the terminal of standard error shows; nil where it has no such colours, or no half-blocks.
  static let available: PictureBlocks? = {
    let environment = ProcessInfo.processInfo.environment
    guard Terminal.isInteractive, Terminal.isUnicode, Terminal.hasColor(on: STDERR_FILENO) else {
      return nil
    }
    if ["truecolor", "24bit"].contains(environment["COLORTERM"] ?? "") {
      return PictureBlocks(palette: .trueColor)
    }
    let terminal = environment["TERM"] ?? ""
    if terminal.hasSuffix("-direct") { return PictureBlocks(palette: .trueColor) }
    return terminal.contains("256color") ? PictureBlocks(palette: .colors256) : nil
  }()

  /// Columns and rows of cells below which a picture shows nothing.
  private static let leastSide = 8
  /// Pixels across that are shown at most.
  private static let mostPixels = 32
  private static let gap = 2

  /// What was found beside the private picture, where that is known, with a line of titles; as many pictures of a
  /// batch as fit. Empty where not one does.
  func lines(_ pictures: [PictureProgress], columns: Int, rows: Int) -> [String] {
    guard let first = pictures.first, first.found.shape.rank == 3 else { return [] }
    let (height, width) = (first.found.shape[1], first.found.shape[2])
    let across = first.original == nil ? 1 : 2
    var count = pictures.count
    var size = cellWidth(count * across, columns: columns, width: width)
    while count > 1, size < PictureBlocks.leastSide * 3 / 2 {
      count -= 1
      size = cellWidth(count * across, columns: columns, width: width)
    }
    // Two pixels to a row, and one row for the titles.
    size = min(size, 2 * (rows - 1) * width / max(height, 1))
    guard size >= PictureBlocks.leastSide else { return [] }
    let pixelRows = max(2, (height * size / width + 1) / 2 * 2)
    let shown = pictures.prefix(count).flatMap { picture in
      [("found", picture.found)] + (picture.original.map { [("private", $0)] } ?? [])
    }
    let space = String(repeating: " ", count: PictureBlocks.gap)
    let titles = shown.map { $0.0.padding(toLength: size, withPad: " ", startingAt: 0) }
      .joined(separator: space)
    let blocks = shown.map { cells(of: $0.1, columns: size, pixelRows: pixelRows) }
    return [Terminal.styled(titles, .dim, on: .standardError)]
      + (0..<pixelRows / 2).map { row in blocks.map { $0[row] }.joined(separator: space) }
  }

  private func cellWidth(_ count: Int, columns: Int, width: Int) -> Int {
    min(
      (columns - PictureBlocks.gap * (count - 1)) / max(count, 1), width, PictureBlocks.mostPixels)
  }

  /// Rows of cells of a picture [C, H, W] of values in 0...1.
  func cells(of picture: Tensor, columns: Int, pixelRows: Int) -> [String] {
    let values = picture.doubles
    let (channels, height, width) = (picture.shape[0], picture.shape[1], picture.shape[2])
    func range(_ index: Int, of count: Int, in extent: Int) -> Range<Int> {
      let start = index * extent / count
      return start..<max((index + 1) * extent / count, start + 1)
    }
    /// The mean of the pixels behind one that is shown.
    func color(_ row: Int, _ column: Int) -> [UInt8] {
      let rows = range(row, of: pixelRows, in: height)
      let columns = range(column, of: columns, in: width)
      return (0..<3).map { channel in
        let plane = min(channel, channels - 1) * height * width
        var sum = 0.0
        for y in rows { for x in columns { sum += values[plane + y * width + x] } }
        let mean = sum / Double(rows.count * columns.count)
        return UInt8(mean.isFinite ? (min(max(mean, 0), 1) * 255).rounded() : 0)
      }
    }
    return (0..<pixelRows / 2).map { row in
      let cells = (0..<columns).map { column in
        "\u{1B}[38;\(code(color(2 * row, column)));48;\(code(color(2 * row + 1, column)))m▀"
      }
      return cells.joined() + "\u{1B}[0m"
    }
  }

  /// What stands behind 38; or 48; for a colour.
  func code(_ color: [UInt8]) -> String {
    switch palette {
    case .trueColor: "2;\(color[0]);\(color[1]);\(color[2])"
    case .colors256: "5;\(PictureBlocks.index256(color))"
    }
  }

  /// The nearest of the 240 colours that all terminals of 256 colours agree on.
  static func index256(_ color: [UInt8]) -> Int {
    let levels = [0, 95, 135, 175, 215, 255]
    let parts = color.map { value in
      levels.indices.min { abs(levels[$0] - Int(value)) < abs(levels[$1] - Int(value)) } ?? 0
    }
    let mean = color.reduce(0) { $0 + Int($1) } / 3
    let step = min(max((mean - 3) / 10, 0), 23)
    let grey = 8 + 10 * step
    func distance(_ other: [Int]) -> Int {
      zip(color, other).reduce(0) { $0 + (Int($1.0) - $1.1) * (Int($1.0) - $1.1) }
    }
    return distance([grey, grey, grey]) < distance(parts.map { levels[$0] })
      ? 232 + step : 16 + 36 * parts[0] + 6 * parts[1] + parts[2]
  }
}

/// Where the first row and the first column of a stored picture belong in the upright one
/// (EXIF tag 0x0112, CIPA DC-008, 4.6.5.1.6).
enum ImageOrientation: Int, CaseIterable {
  /// First row on top, first column on the left.
  case upright = 1
  case topRight = 2
  case bottomRight = 3
  case bottomLeft = 4
  case leftTop = 5
  case rightTop = 6
  case rightBottom = 7
  case leftBottom = 8

  /// Whether rows of the stored picture are columns of the upright one.
  var isTransposed: Bool { rawValue >= 5 }

  /// Whether the first row belongs at the bottom or the right.
  var startsAtLastRow: Bool {
    switch self {
    case .bottomRight, .bottomLeft, .rightTop, .rightBottom: true
    case .upright, .topRight, .leftTop, .leftBottom: false
    }
  }

  /// Whether the first column belongs on the right or at the bottom.
  var startsAtLastColumn: Bool {
    switch self {
    case .topRight, .bottomRight, .rightBottom, .leftBottom: true
    case .upright, .bottomLeft, .leftTop, .rightTop: false
    }
  }
}

extension Image {
  /// The picture as it should be seen when it is stored in the given orientation.
  func turnedUpright(from orientation: ImageOrientation) -> Image {
    if orientation == .upright { return self }
    let (newWidth, newHeight) = orientation.isTransposed ? (height, width) : (width, height)
    let turned = [UInt8](unsafeUninitializedCapacity: pixels.count) { buffer, count in
      for y in 0..<newHeight {
        for x in 0..<newWidth {
          let (row, column) = orientation.isTransposed ? (x, y) : (y, x)
          let sourceRow = orientation.startsAtLastRow ? height - 1 - row : row
          let sourceColumn = orientation.startsAtLastColumn ? width - 1 - column : column
          let source = 3 * (sourceRow * width + sourceColumn)
          let target = 3 * (y * newWidth + x)
          for channel in 0..<3 {
            buffer.initializeElement(at: target + channel, to: pixels[source + channel])
          }
        }
      }
      count = pixels.count
    }
    return Image(width: newWidth, height: newHeight, pixels: turned)
  }
}

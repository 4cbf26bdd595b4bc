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

extension ImageOrientation {
  /// What the first directory of an EXIF block says (CIPA DC-008, 4.6), read with every offset checked; nil
  /// when it does not say.
  init?(exif block: ArraySlice<UInt8>) {
    let tiff = Array(block)
    guard tiff.count >= 8 else { return nil }
    let isLittleEndian = tiff.starts(with: Array("II".utf8))
    guard isLittleEndian || tiff.starts(with: Array("MM".utf8)) else { return nil }
    func integer(at offset: Int, byteCount: Int) -> Int? {
      guard offset >= 0, offset <= tiff.count - byteCount else { return nil }
      let bytes = tiff[offset..<offset + byteCount]
      return isLittleEndian
        ? bytes.reversed().reduce(0) { $0 << 8 | Int($1) } : bytes.reduce(0) { $0 << 8 | Int($1) }
    }
    guard let directory = integer(at: 4, byteCount: 4),
      let entryCount = integer(at: directory, byteCount: 2)
    else { return nil }
    for entry in 0..<entryCount {
      let offset = directory + 2 + 12 * entry
      guard let tag = integer(at: offset, byteCount: 2) else { return nil }
      guard tag == 0x0112 else { continue }
      let isShort = integer(at: offset + 2, byteCount: 2) == 3
      guard isShort, let value = integer(at: offset + 8, byteCount: 2) else { return nil }
      self.init(rawValue: value)
      return
    }
    return nil
  }

  /// What is left undone where the stored picture is taken as it is.
  var note: [String] {
    self == .upright ? [] : ["not turned as its EXIF orientation \(rawValue) says"]
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

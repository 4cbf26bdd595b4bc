/// What the segments of a JPEG file say beside the picture, read with every length checked.
struct JPEGMarkers {
  /// How the camera was held; `.upright` when the file does not say.
  private(set) var orientation = ImageOrientation.upright
  /// Passes over the picture.
  private(set) var scanCount = 0

  private static let startOfScan: UInt8 = 0xDA
  private static let endOfImage: UInt8 = 0xD9
  private static let applicationSegment1: UInt8 = 0xE1

  init(scanning bytes: [UInt8]) {
    var position = 2
    while position + 1 < bytes.count {
      let marker = bytes[position + 1]
      guard bytes[position] == 0xFF, marker != 0xFF, marker != 0x00 else {
        // A fill byte, or stray bytes that the decoder skips as well.
        position += 1
        continue
      }
      position += 2
      switch marker {
      case JPEGMarkers.endOfImage: return
      case JPEGMarkers.startOfScan:
        countScans(in: bytes[position...])
        return
      case 0x01, 0xD0...0xD8: continue
      default:
        guard position + 2 <= bytes.count else { return }
        let length = Int(bytes[position]) << 8 | Int(bytes[position + 1])
        guard length >= 2, position + length <= bytes.count else { return }
        if marker == JPEGMarkers.applicationSegment1 {
          readExif(bytes[position + 2..<position + length])
        }
        position += length
      }
    }
  }

  /// Within the coded picture a marker's first byte never stands for data.
  private mutating func countScans(in bytes: ArraySlice<UInt8>) {
    scanCount = 1
    var previous: UInt8 = 0
    for byte in bytes {
      if previous == 0xFF && byte == JPEGMarkers.startOfScan { scanCount += 1 }
      previous = byte
    }
  }

  private mutating func readExif(_ segment: ArraySlice<UInt8>) {
    guard segment.starts(with: Array("Exif\0\0".utf8)) else { return }
    orientation = ImageOrientation(exif: segment.dropFirst(6)) ?? orientation
  }
}

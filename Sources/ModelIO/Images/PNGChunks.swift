/// What the chunks of a PNG file say beside the samples, read with every length checked (W3C PNG, third
/// edition, section 11).
struct PNGChunks {
  private(set) var hasTransparency = false
  /// The file's gamma, where it is not that of sRGB.
  private(set) var otherGamma: Double?
  private(set) var orientation = ImageOrientation.upright

  init(scanning bytes: [UInt8]) {
    var position = 8
    while position + 12 <= bytes.count {
      let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
      let content = position + 8
      guard length <= bytes.count - content else { return }
      read(bytes[position + 4..<content], bytes[content..<content + length])
      position = content + length + 4
    }
  }

  private mutating func read(_ name: ArraySlice<UInt8>, _ content: ArraySlice<UInt8>) {
    if name.elementsEqual("tRNS".utf8) {
      hasTransparency = true
    } else if name.elementsEqual("gAMA".utf8), content.count == 4 {
      let gamma = content.reduce(0) { $0 << 8 | Int($1) }
      otherGamma = abs(gamma - 45455) > 10 ? Double(gamma) / 100_000 : nil
    } else if name.elementsEqual("eXIf".utf8) {
      orientation = ImageOrientation(exif: content) ?? .upright
    }
  }
}

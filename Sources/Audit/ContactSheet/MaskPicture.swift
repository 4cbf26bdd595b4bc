import ModelIO

extension Image {
  /// Masks in colours, a colour for each class (those of Pascal VOC): the true one on the left where it is known, then
  /// the one that was found.
  init(masks: [[Int]], height: Int, width: Int) {
    let gap = masks.count > 1 ? max(width / 16, 1) : 0
    let whole = masks.count * width + gap * max(masks.count - 1, 0)
    var pixels = [UInt8](repeating: 255, count: 3 * height * whole)
    for (index, mask) in masks.enumerated() {
      for (place, label) in mask.enumerated() {
        let column = index * (width + gap) + place % width
        let start = 3 * (place / width * whole + column)
        let color = Image.vocColor(label)
        pixels.replaceSubrange(start..<start + 3, with: [color.red, color.green, color.blue])
      }
    }
    self.init(width: whole, height: height, pixels: pixels)
  }

  /// The palette of Pascal VOC's development kit: bits of the class number spread over the channels, the lowest to the
  /// highest places.
  private static func vocColor(_ label: Int) -> (red: UInt8, green: UInt8, blue: UInt8) {
    var (color, rest) = ((red: UInt8(0), green: UInt8(0), blue: UInt8(0)), label & 0xFF)
    for place in stride(from: 7, through: 0, by: -1) where rest > 0 {
      color.red |= UInt8(rest & 1) << UInt8(place)
      color.green |= UInt8(rest >> 1 & 1) << UInt8(place)
      color.blue |= UInt8(rest >> 2 & 1) << UInt8(place)
      rest >>= 3
    }
    return color
  }
}

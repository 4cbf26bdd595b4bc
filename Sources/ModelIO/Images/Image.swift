/// A colour picture: 8 bits each of red, green and blue, in the sRGB encoding that files use.
public struct Image: Hashable, Sendable {
  /// Columns of pixels, at least 1.
  public let width: Int
  /// Rows of pixels, at least 1.
  public let height: Int
  /// Red, green and blue of each pixel, rows from the top, pixels from the left.
  public package(set) var pixels: [UInt8]

  /// Creates a picture. Traps when `pixels` does not hold 3 bytes for each pixel.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(
      width > 0 && height > 0 && pixels.count == 3 * width * height,
      "a picture of \(width) x \(height) pixels cannot have \(pixels.count) bytes")
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// Creates a picture of one colour.
  public init(width: Int, height: Int, red: UInt8, green: UInt8, blue: UInt8) {
    var pixels = [UInt8](repeating: red, count: 3 * width * height)
    if green != red || blue != red {
      for index in stride(from: 0, to: pixels.count, by: 3) {
        pixels[index + 1] = green
        pixels[index + 2] = blue
      }
    }
    self.init(width: width, height: height, pixels: pixels)
  }
}

/// What an image file may ask for. Checked against its header before memory is allocated.
enum ImageLimits {
  static let fileByteCount = 256 << 20
  static let sideLength = 16_384
  static let pixelCount = 64 << 20

  static func check(width: Int, height: Int, path: String) throws(FileError) {
    guard width > 0, height > 0 else {
      throw FileError(
        path: path, problem: "the image has no pixels (\(width) x \(height))",
        remedy: "give a PNG or JPEG image that opens in a viewer")
    }
    guard width <= sideLength, height <= sideLength, width * height <= pixelCount else {
      throw FileError(
        path: path,
        problem: "the image of \(width) x \(height) pixels is too large (at most \(sideLength) "
          + "a side and \(pixelCount >> 20) megapixels)",
        remedy: "scale it down first")
    }
  }
}

extension Image {
  /// Reads a PNG or JPEG file, told apart by content rather than name, as Pillow does; see
  /// ``PictureReading/pillow``.
  ///
  /// - Throws: ``FileError`` when the file cannot be read, is damaged, cut short or of another
  ///   format, or asks for more than 16384 pixels a side, 64 megapixels or 256 MB.
  public init(contentsOf path: String) throws(FileError) {
    self = try DecodedPicture(contentsOf: path).image
  }

  /// Decodes a PNG or JPEG file that is in memory already; `path` only names it in messages.
  ///
  /// - Throws: ``FileError`` as ``init(contentsOf:)``.
  public init(bytes: [UInt8], path: String) throws(FileError) {
    self = try DecodedPicture(bytes: bytes, path: path).image
  }

  /// Writes a PNG file, replacing one that is there when the new one is complete.
  ///
  /// - Throws: ``FileError`` when the path cannot be written.
  public func writePNG(to path: String) throws(FileError) {
    try AtomicFile.write(try encodedPNG(path: path), to: path)
  }
}

/// A picture of class numbers rather than colours, as masks of segmentations are kept: the indices of a PNG file
/// with a palette (Pascal VOC), or the samples of a grey one (Cityscapes' `labelIds`).
public struct ClassPicture: Hashable, Sendable {
  /// In pixels.
  public let width: Int
  /// In pixels.
  public let height: Int
  /// One for each pixel, row after row.
  public let classes: [Int]

  /// A picture of `width` times `height` classes. Traps on another number of them.
  public init(width: Int, height: Int, classes: [Int]) {
    precondition(classes.count == width * height, "\(classes.count) of \(width)x\(height) classes")
    (self.width, self.height, self.classes) = (width, height, classes)
  }

  /// Reads a PNG file: palette indices, grey samples, or colours whose three channels are equal.
  ///
  /// - Throws: ``FileError`` when the file is no PNG image, is damaged or too large, or has colours.
  public init(contentsOf path: String) throws(FileError) {
    let bytes = try InputFile.bytes(
      at: path, expected: "a PNG image of class numbers", limit: ImageLimits.fileByteCount)
    try WantedFile.picture.refuseOthers(bytes, path: path)
    guard FileFormat(of: bytes) == .png else {
      throw FileError(
        path: path, problem: "this is not a PNG image, and others do not keep class numbers",
        remedy: "give the mask as PNG, or as an array of integers (.npy)")
    }
    if let (width, height, indices) = try decodePNGIndices(bytes, path: path) {
      self.init(width: width, height: height, classes: indices.map(Int.init))
      return
    }
    let image = try decodePNGSamples(bytes, path: path).image
    let pixels = image.pixels
    let isGrey = (0..<pixels.count / 3).allSatisfy { (place: Int) -> Bool in
      let (red, green, blue) = (pixels[3 * place], pixels[3 * place + 1], pixels[3 * place + 2])
      return red == green && green == blue
    }
    guard isGrey else {
      throw FileError(
        path: path, problem: "the mask has colours, which are no class numbers",
        remedy: "save it with a palette or as grey numbers, one for each class")
    }
    self.init(
      width: image.width, height: image.height,
      classes: stride(from: 0, to: pixels.count, by: 3).map { Int(pixels[$0]) })
  }

  /// Cropped to the aspect ratio about its centre and brought to another size, each pixel taking the nearest class: what
  /// `Image.fitted(width:height:)` does to the picture beside it.
  public func fitted(width: Int, height: Int) -> ClassPicture {
    guard width != self.width || height != self.height else { return self }
    let scale = min(Double(self.width) / Double(width), Double(self.height) / Double(height))
    func places(_ count: Int, of size: Int) -> [Int] {
      let start = (Double(size) - scale * Double(count)) / 2
      return (0..<count).map { min(max(Int(start + (Double($0) + 0.5) * scale), 0), size - 1) }
    }
    let columns = places(width, of: self.width)
    return ClassPicture(
      width: width, height: height,
      classes: places(height, of: self.height).flatMap { row in
        columns.map { classes[row * self.width + $0] }
      })
  }
}

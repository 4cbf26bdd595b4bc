/// How the numbers of a picture's file become pixels. A client's loader and a viewer do not agree.
public enum PictureReading: String, Codable, Hashable, Sendable, CaseIterable {
  /// As `Image.open(path).convert("RGB")` of Pillow, and so torchvision's loaders: stored samples, without
  /// EXIF orientation, gamma or profiles; transparency is dropped; of 16 bits the high byte is kept, but
  /// 16-bit grey is cut at 255.
  case pillow = "pil"
  /// As a viewer shows it: JPEGs turned upright, transparent parts on white (mixed in linear light), gamma
  /// applied, 16 bits scaled to 8.
  case viewer
}

/// A picture of a file, and what was done to its numbers.
public struct DecodedPicture: Hashable, Sendable {
  /// Its pixels, upright.
  public let image: Image
  /// What another reader would have done otherwise, for people; empty where all readers agree.
  public let notes: [String]

  /// A picture that was decoded elsewhere.
  public init(image: Image, notes: [String] = []) {
    self.image = image
    self.notes = notes
  }

  /// Reads a PNG or JPEG file, told apart by content rather than name.
  ///
  /// - Throws: ``FileError`` when the file cannot be read, is damaged, cut short or of another
  ///   format, or asks for more than 16384 pixels a side, 64 megapixels or 256 MB.
  public init(contentsOf path: String, as reading: PictureReading = .pillow) throws(FileError) {
    let bytes = try InputFile.bytes(
      at: path, expected: "a PNG or JPEG image", limit: ImageLimits.fileByteCount)
    try self.init(bytes: bytes, path: path, as: reading)
  }

  /// Decodes a PNG or JPEG file that is in memory already; `path` only names it in messages.
  ///
  /// - Throws: ``FileError`` as ``init(contentsOf:as:)``.
  public init(
    bytes: [UInt8], path: String, as reading: PictureReading = .pillow
  ) throws(FileError) {
    let plain: DecodedPicture
    try WantedFile.picture.refuseOthers(bytes, path: path)
    switch FileFormat(of: bytes) {
    case .png: plain = try decodePNGSamples(bytes, path: path)
    case .jpeg:
      let (image, orientation, isCMYK) = try decodeJPEG(bytes, path: path)
      let notes = (isCMYK ? ["turned from CMYK to RGB"] : []) + orientation.note
      plain =
        reading == .viewer
        ? DecodedPicture(image: image.turnedUpright(from: orientation), notes: notes)
        : DecodedPicture(image: image, notes: notes)
    default:
      throw FileError(
        path: path,
        problem: bytes.isEmpty ? "the file is empty" : "this is not an image in a known format",
        remedy: "give a PNG or JPEG image")
    }
    switch reading {
    case .pillow:
      self = plain
    case .viewer:
      let image = FileFormat(of: bytes) == .png ? try decodePNG(bytes, path: path) : plain.image
      self.init(image: image, notes: plain.notes.isEmpty ? [] : ["read as a viewer shows it"])
    }
  }
}

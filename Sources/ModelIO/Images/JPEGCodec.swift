import CTurboJPEG

/// Decodes a JPEG file with libjpeg-turbo, as it is stored.
///
/// - Returns: the picture, and how it is to be turned for a viewer.
func decodeJPEG(
  _ bytes: [UInt8], path: String
) throws(FileError) -> (image: Image, orientation: ImageOrientation, isCMYK: Bool) {
  guard let decoder = tjInitDecompress() else {
    throw FileError(
      path: path, problem: "the JPEG decoder could not start", remedy: "free some memory")
  }
  defer { tjDestroy(decoder) }
  var (width, height, subsampling, colorspace) = (Int32(0), Int32(0), Int32(0), Int32(0))
  let status = tjDecompressHeader3(
    decoder, bytes, UInt(bytes.count), &width, &height, &subsampling, &colorspace)
  guard status == 0 || isHarmless(decoder, bytes) else { throw damagedJPEG(decoder, path) }
  try ImageLimits.check(width: Int(width), height: Int(height), path: path)
  let markers = JPEGMarkers(scanning: bytes)
  try checkScans(markers.scanCount, pixelCount: Int(width) * Int(height), path: path)
  // libjpeg does not convert from CMYK to RGB.
  let isCMYK =
    colorspace == Int32(TJCS_CMYK.rawValue) || colorspace == Int32(TJCS_YCCK.rawValue)
  let samples = isCMYK ? 4 : 3
  var pixels = [UInt8](repeating: 0, count: samples * Int(width) * Int(height))
  let format = isCMYK ? TJPF_CMYK : TJPF_RGB
  let decoded = tjDecompress2(
    decoder, bytes, UInt(bytes.count), &pixels, width, 0, height, Int32(format.rawValue),
    TJFLAG_LIMITSCANS)
  guard decoded == 0 || isHarmless(decoder, bytes) else { throw damagedJPEG(decoder, path) }
  let image = Image(
    width: Int(width), height: Int(height), pixels: isCMYK ? rgb(fromCMYK: pixels) : pixels)
  return (image, markers.orientation, isCMYK)
}

/// Refuses files whose many scans over many pixels would keep the decoder busy for minutes.
private func checkScans(_ scanCount: Int, pixelCount: Int, path: String) throws(FileError) {
  guard scanCount * pixelCount <= 32 * ImageLimits.pixelCount else {
    throw FileError(
      path: path, problem: "the JPEG image has \(scanCount) scans, too many for its size",
      remedy: "save it again, as PNG or with fewer scans")
  }
}

/// Whether what the decoder complains of leaves the picture whole.
///
/// Some cameras write bytes between segments; the decoder skips them. Only its first complaint is
/// known, so the end of the picture must be there as well.
private func isHarmless(_ decoder: tjhandle, _ bytes: [UInt8]) -> Bool {
  guard tjGetErrorCode(decoder) == Int32(TJERR_WARNING.rawValue),
    message(of: decoder).contains("extraneous bytes before marker")
  else { return false }
  let content = bytes.dropLast(bytes.reversed().prefix { $0 == 0 }.count)
  return content.suffix(2).elementsEqual([0xFF, 0xD9])
}

/// Converts the inverted CMYK that Adobe's programs write and everybody else has adopted, with
/// Pillow's numbers.
private func rgb(fromCMYK samples: [UInt8]) -> [UInt8] {
  var pixels = [UInt8]()
  pixels.reserveCapacity(samples.count / 4 * 3)
  for index in stride(from: 0, to: samples.count, by: 4) {
    let black = Int(samples[index + 3])
    for ink in 0..<3 {
      pixels.append(UInt8((Int(samples[index + ink]) * black + 127) / 255))
    }
  }
  return pixels
}

private func damagedJPEG(_ decoder: tjhandle, _ path: String) -> FileError {
  FileError(
    path: path, problem: "the JPEG image is damaged or cut short (\(message(of: decoder)))",
    remedy: "save or download it again")
}

/// libjpeg's words for what went wrong.
private func message(of decoder: tjhandle) -> String {
  guard let message = tjGetErrorStr2(decoder) else { return "unknown" }
  return String(cString: message)
}

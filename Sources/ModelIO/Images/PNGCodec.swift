import CPNG

/// Decodes a PNG file as Pillow's `convert("RGB")` does: the stored samples, transparency left out, the high
/// byte of 16 bits; of 16-bit grey the numbers as they are, cut at 255.
func decodePNGSamples(_ bytes: [UInt8], path: String) throws(FileError) -> DecodedPicture {
  var header = gradleak_png()
  guard gradleak_png_read(bytes, bytes.count, &header, 0, nil) != 0 else {
    throw damagedPNG(message(of: header.message), path)
  }
  let (width, height) = (Int(header.width), Int(header.height))
  try ImageLimits.check(width: width, height: height, path: path)
  let isGrey16 = header.bit_depth == 16 && header.color_type == PNG_COLOR_TYPE_GRAY
  var samples = [UInt8](repeating: 0, count: (isGrey16 ? 2 : 3) * width * height)
  guard gradleak_png_read(bytes, bytes.count, &header, 0, &samples) != 0 else {
    throw damagedPNG(message(of: header.message), path)
  }
  if isGrey16 {
    samples = cut16(samples)
  }
  let chunks = PNGChunks(scanning: bytes)
  var notes: [String] = []
  if header.color_type & PNG_COLOR_MASK_ALPHA != 0 || chunks.hasTransparency {
    notes.append("its transparency dropped")
  }
  if isGrey16 {
    notes.append("its 16-bit values cut at 255")
  } else if header.bit_depth == 16 {
    notes.append("its 16 bits cut to 8")
  }
  if let gamma = chunks.otherGamma {
    notes.append("its gamma of \(gamma) not applied")
  }
  notes += chunks.orientation.note
  return DecodedPicture(
    image: Image(width: width, height: height, pixels: samples), notes: notes)
}

/// 16-bit grey samples, big-endian, cut at 255: three equal bytes for each.
private func cut16(_ samples: [UInt8]) -> [UInt8] {
  var pixels: [UInt8] = []
  pixels.reserveCapacity(samples.count / 2 * 3)
  for place in stride(from: 0, to: samples.count, by: 2) {
    let value = samples[place] > 0 ? 255 : samples[place + 1]
    for _ in 0..<3 { pixels.append(value) }
  }
  return pixels
}

/// Decodes a PNG file with libpng, which converts every variant to 8-bit RGB as a viewer shows it, and lays
/// transparent parts on white (mixing in linear light).
func decodePNG(_ bytes: [UInt8], path: String) throws(FileError) -> Image {
  var decoder = png_image()
  decoder.version = png_uint_32(PNG_IMAGE_VERSION)
  // libpng keeps no pointer to the bytes after the second call, but does between the two.
  return try bytes.withUnsafeBufferPointer { (buffer) throws(FileError) -> Image in
    defer { png_image_free(&decoder) }
    guard png_image_begin_read_from_memory(&decoder, buffer.baseAddress, buffer.count) != 0 else {
      throw damagedPNG(message(of: decoder.message), path)
    }
    let (width, height) = (Int(decoder.width), Int(decoder.height))
    try ImageLimits.check(width: width, height: height, path: path)
    // Else 16-bit files that do not say so would count as linear light, unlike in any viewer.
    decoder.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
    decoder.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
    var background = png_color(red: 255, green: 255, blue: 255)
    var pixels = [UInt8](repeating: 0, count: 3 * width * height)
    guard png_image_finish_read(&decoder, &background, &pixels, 0, nil) != 0 else {
      throw damagedPNG(message(of: decoder.message), path)
    }
    return Image(width: width, height: height, pixels: pixels)
  }
}

extension Image {
  /// Reads a PNG file of at most so many pixels, as its header tells before anything is decoded.
  ///
  /// - Throws: ``FileError`` as ``init(contentsOf:)``, and for a larger one.
  package init(contentsOfPNG path: String, pixelLimit: Int) throws(FileError) {
    let bytes = try InputFile.bytes(
      at: path, expected: "a PNG image", limit: ImageLimits.fileByteCount)
    var header = gradleak_png()
    guard gradleak_png_read(bytes, bytes.count, &header, 0, nil) != 0 else {
      throw damagedPNG(message(of: header.message), path)
    }
    guard Int(header.width) * Int(header.height) <= pixelLimit else {
      throw FileError(
        path: path,
        problem:
          "the image has \(header.width) x \(header.height) pixels, more than the \(pixelLimit) allowed",
        remedy: "scale it down first")
    }
    self = try decodePNGSamples(bytes, path: path).image
  }

  /// The picture as a PNG file. The same picture always gives the same bytes.
  package func encodedPNG(path: String) throws(FileError) -> [UInt8] {
    var encoder = png_image()
    encoder.version = png_uint_32(PNG_IMAGE_VERSION)
    encoder.width = png_uint_32(width)
    encoder.height = png_uint_32(height)
    encoder.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
    defer { png_image_free(&encoder) }
    // The first pass only counts the bytes.
    var byteCount: png_alloc_size_t = 0
    guard png_image_write_to_memory(&encoder, nil, &byteCount, 0, pixels, 0, nil) != 0 else {
      throw unwritablePNG(encoder, path)
    }
    var bytes = [UInt8](repeating: 0, count: Int(byteCount))
    guard png_image_write_to_memory(&encoder, &bytes, &byteCount, 0, pixels, 0, nil) != 0 else {
      throw unwritablePNG(encoder, path)
    }
    return Array(bytes.prefix(Int(byteCount)))
  }
}

/// The indices of a PNG file with a palette, or the samples of a grey one of up to 8 bits, one for each pixel; nil of
/// others.
func decodePNGIndices(
  _ bytes: [UInt8], path: String
) throws(FileError) -> (width: Int, height: Int, indices: [UInt8])? {
  var header = gradleak_png()
  guard gradleak_png_read(bytes, bytes.count, &header, 0, nil) != 0 else {
    throw damagedPNG(message(of: header.message), path)
  }
  let isGrey = header.color_type == PNG_COLOR_TYPE_GRAY && header.bit_depth <= 8
  guard isGrey || header.color_type == PNG_COLOR_TYPE_PALETTE else { return nil }
  let (width, height) = (Int(header.width), Int(header.height))
  try ImageLimits.check(width: width, height: height, path: path)
  var indices = [UInt8](repeating: 0, count: width * height)
  guard gradleak_png_read(bytes, bytes.count, &header, 1, &indices) != 0 else {
    throw damagedPNG(message(of: header.message), path)
  }
  return (width, height, indices)
}

private func damagedPNG(_ message: String, _ path: String) -> FileError {
  FileError(
    path: path, problem: "the PNG image is damaged or cut short (\(message))",
    remedy: "save or download it again")
}

private func unwritablePNG(_ encoder: png_image, _ path: String) -> FileError {
  FileError(
    path: path, problem: "the picture cannot be encoded as PNG (\(message(of: encoder.message)))",
    remedy: "write a smaller picture")
}

/// libpng's words for what went wrong, in a C array of characters.
private func message<Characters>(of characters: Characters) -> String {
  withUnsafeBytes(of: characters) { bytes in
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}

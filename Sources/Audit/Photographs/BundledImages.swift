import ModelIO

/// Seven real photographs to try attacks on, carried inside the program.
///
/// Centre crops of the pictures in scikit-image's `skimage/data`, all in the public domain or
/// under CC0.
public enum BundledImages {
  /// The sides, in pixels, in which each photograph is there: 32 and 64.
  public static let sizes = [32, 64]

  /// The names of the photographs, in the order of ``all(size:)``.
  public static var names: [String] { photographs.map(\.name) }

  /// All photographs as squares of `size` pixels a side, one of ``sizes``.
  public static func all(size: Int) -> [(name: String, image: Image)] {
    photographs.map { ($0.name, $0.image(size: size)) }
  }

  /// One photograph, or nil when none is so named.
  public static func image(named name: String, size: Int) -> Image? {
    photographs.first { $0.name == name }?.image(size: size)
  }

  private static var photographs: [BundledImage] {
    [astronaut, astronautFace, rocket, hubble, chelsea, coffee, retina]
  }
}

/// One photograph as PNG files in base64.
struct BundledImage: Sendable {
  let name: String
  let png32: String
  let png64: String

  func image(size: Int) -> Image {
    precondition(
      BundledImages.sizes.contains(size),
      "bundled images have \(BundledImages.sizes) pixels a side, not \(size)")
    let bytes = decodeBase64(size == 32 ? png32 : png64)
    do {
      return try Image(bytes: bytes, path: "\(name).png")
    } catch {
      preconditionFailure("the bundled image is damaged: \(error)")
    }
  }
}

/// The bytes that base64 text stands for (RFC 4648, section 4). The text must be well-formed.
func decodeBase64(_ text: String) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(text.utf8.count / 4 * 3)
  var bits: UInt32 = 0
  var bitCount = 0
  for character in text.utf8 where character != UInt8(ascii: "=") {
    bits = bits << 6 | UInt32(base64Value(character))
    bitCount += 6
    if bitCount >= 8 {
      bitCount -= 8
      bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
    }
  }
  return bytes
}

private func base64Value(_ character: UInt8) -> UInt8 {
  switch character {
  case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
  case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
  case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
  case UInt8(ascii: "+"): 62
  case UInt8(ascii: "/"): 63
  default: preconditionFailure("\(character) is not a base64 character")
  }
}

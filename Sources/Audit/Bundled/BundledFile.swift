import CBundledFiles

/// The bytes of a file that the program carries inside (`Sources/CBundledFiles`).
///
/// - Parameter path: relative to that folder. There must be such a file.
func bundledFile(_ path: String) -> [UInt8] {
  var count = 0
  guard let bytes = gradleak_bundled_file(path, &count) else {
    preconditionFailure("the program carries no file \(path)")
  }
  return Array(UnsafeBufferPointer(start: bytes, count: count))
}

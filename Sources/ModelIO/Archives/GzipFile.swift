import CZlib

/// Files of one gzip stream (RFC 1952).
package enum GzipFile {
  /// What the file at `path` unpacks to.
  ///
  /// - Parameters:
  ///   - expected: what the file should be, for the messages.
  ///   - limit: the most bytes that it may have, packed or not.
  /// - Throws: ``FileError`` when it cannot be read, is damaged or unpacks to more.
  package static func bytes(
    at path: String, expected: String, limit: Int
  ) throws(FileError) -> [UInt8] {
    let packed = try InputFile.bytes(at: path, expected: expected, limit: limit)
    guard packed.starts(with: [0x1F, 0x8B]) else {
      throw FileError(path: path, problem: "this is no gzip file", remedy: "give \(expected)")
    }
    let result = packed.withUnsafeBytes { Deflate.unpacked(.gzip, $0, room: limit) }
    switch result.status {
    case Int(GRADLEAK_INFLATE_ENDED): return result.bytes
    case Int(GRADLEAK_INFLATE_FULL):
      throw FileError(
        path: path, problem: "it unpacks to more than \(limit) bytes", remedy: "give \(expected)")
    default:
      throw FileError(
        path: path, problem: "its data is damaged", remedy: "save or download it again")
    }
  }
}

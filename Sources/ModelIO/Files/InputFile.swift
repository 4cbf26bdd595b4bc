#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reading whole files into memory, within a bound that is checked before anything is allocated.
public enum InputFile {
  /// The bytes of the file at `path`.
  ///
  /// - Parameters:
  ///   - expected: what the file should be, for the messages: "a PNG or JPEG image".
  ///   - limit: the largest size accepted, in bytes.
  /// - Throws: ``FileError`` when the file is missing, unreadable, not a regular file or larger
  ///   than `limit`.
  public static func bytes(
    at path: String, expected: String, limit: Int
  ) throws(FileError) -> [UInt8] {
    try withRegularFile(path, expected: expected) {
      (descriptor, byteCount) throws(FileError) -> [UInt8] in
      guard byteCount <= limit else {
        throw FileError(
          path: path,
          problem: "the file has \(byteCount) bytes, more than the \(limit) allowed",
          remedy: "give a smaller file")
      }
      var failure: Int32 = 0
      // A file that shrinks while it is read yields the bytes that were there.
      let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
        while count < byteCount {
          let received = read(descriptor, buffer.baseAddress.map { $0 + count }, byteCount - count)
          if received > 0 {
            count += received
          } else if received == 0 {
            break
          } else if errno != EINTR {
            failure = errno
            break
          }
        }
      }
      guard failure == 0 else {
        throw FileError(
          path: path, problem: "the file cannot be read (\(systemMessage(failure)))",
          remedy: "check the disk it lies on")
      }
      return bytes
    }
  }
}

extension InputFile {
  /// Whether there is something at `path`.
  package static func exists(_ path: String) -> Bool { fileStatus(of: path) != nil }
}

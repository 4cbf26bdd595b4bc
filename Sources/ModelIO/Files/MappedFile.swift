#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file's bytes in memory, paged in by the operating system as they are touched.
///
/// The file must not be shortened by another program while it is mapped: the system then ends
/// the process at the next touch of a missing page. Files are replaced safely by renaming a new
/// one over them, as ``AtomicFile`` does.
///
/// `@unchecked` because the compiler cannot see that the mapped memory is never written.
final class MappedFile: @unchecked Sendable {
  /// The file's bytes, valid as long as this object lives.
  let bytes: UnsafeRawBufferPointer

  /// Maps the regular file at `path` for reading.
  init(_ path: String, expected: String) throws(FileError) {
    bytes = try withRegularFile(path, expected: expected) {
      (descriptor, byteCount) throws(FileError) -> UnsafeRawBufferPointer in
      // The system refuses to map nothing.
      if byteCount == 0 { return UnsafeRawBufferPointer(start: nil, count: 0) }
      let address = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
      guard let address, address != MAP_FAILED else {
        throw FileError(
          path: path, problem: "the file cannot be mapped to memory (\(systemMessage(errno)))",
          remedy: "copy it to a local disk")
      }
      return UnsafeRawBufferPointer(start: address, count: byteCount)
    }
  }

  deinit {
    if let address = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
    }
  }
}

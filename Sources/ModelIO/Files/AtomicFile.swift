#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writing files so that a reader sees the old file or the complete new one, never a part.
///
/// Bytes go to a temporary name in the same folder, which is renamed into place when complete
/// and removed when anything fails.
public enum AtomicFile {
  /// Writes `bytes` to `path`, replacing a file that is there.
  ///
  /// - Parameter isPrivate: whether only the user may read it.
  /// - Throws: ``FileError`` when the folder is missing or read-only, the path is a directory or
  ///   a device, or the disk is full. Nothing is left behind then.
  public static func write(
    _ bytes: [UInt8], to path: String, isPrivate: Bool = false
  ) throws(FileError) {
    try write(to: path, isPrivate: isPrivate) { (sink: FileSink) throws(FileError) in
      try sink.append(bytes)
    }
  }

  /// Writes `text` as UTF-8 to `path`, replacing a file that is there.
  ///
  /// - Throws: ``FileError`` as ``write(_:to:isPrivate:)-([UInt8],_,_)``.
  public static func write(
    _ text: String, to path: String, isPrivate: Bool = false
  ) throws(FileError) {
    try write([UInt8](text.utf8), to: path, isPrivate: isPrivate)
  }

  /// Whether a file of this name is one that a killed program has left behind.
  static func isTemporary(_ name: String) -> Bool {
    name.hasPrefix(".gradleak-") && name.hasSuffix(".tmp")
  }

  /// Writes what `body` appends to its sink, for content that is too large to gather first.
  package static func write(
    to path: String, isPrivate: Bool = false, _ body: (FileSink) throws(FileError) -> Void
  ) throws(FileError) {
    let destination = try resolvedDestination(path)
    let (temporary, descriptor) = try openTemporary(
      besides: destination, path: path, mode: isPrivate ? 0o600 : 0o666)
    do {
      try body(FileSink(path: path, descriptor: descriptor))
    } catch {
      close(descriptor)
      unlink(temporary)
      throw error
    }
    // Network file systems report a full disk only here.
    guard close(descriptor) == 0, rename(temporary, destination) == 0 else {
      let code = errno
      unlink(temporary)
      throw creationError(path, code: code)
    }
  }

  /// Whether ``write(_:to:isPrivate:)-([UInt8],_,_)`` can put a file there, before a long run whose results it holds.
  ///
  /// - Throws: ``FileError`` as that would.
  package static func check(_ path: String) throws(FileError) {
    let destination = try resolvedDestination(path)
    let (temporary, descriptor) = try openTemporary(besides: destination, path: path, mode: 0o600)
    close(descriptor)
    unlink(temporary)
  }

  /// The file to replace: a symbolic link's target, so that the link stays a link.
  private static func resolvedDestination(_ path: String) throws(FileError) -> String {
    guard let status = fileStatus(of: path) else { return path }
    if status.isDirectory {
      throw FileError(
        path: path, problem: "cannot write here because this is a directory",
        remedy: "give the name of a file in it")
    }
    guard status.isRegularFile else {
      throw FileError(
        path: path, problem: "cannot write here because this is a pipe or a device",
        remedy: "give the name of a regular file")
    }
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// A new file with a short name in the same folder: renaming is atomic only within a file
  /// system.
  private static func openTemporary(
    besides destination: String, path: String, mode: mode_t
  ) throws(FileError) -> (path: String, descriptor: Int32) {
    let folder = destination.lastIndex(of: "/").map { destination[...$0] } ?? ""
    // Other threads, and processes of other machines that share the folder, may hold some names.
    for number in 0..<10_000 {
      let temporary = "\(folder).gradleak-\(getpid())-\(number).tmp"
      let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
      if descriptor >= 0 { return (temporary, descriptor) }
      if errno != EEXIST { break }
    }
    throw creationError(path, code: errno)
  }
}

/// Where the content of a file being written goes; see ``AtomicFile``.
package struct FileSink {
  let path: String
  let descriptor: Int32

  package func append(_ bytes: [UInt8]) throws(FileError) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(FileError) in
      try append(UnsafeRawBufferPointer(buffer))
    }
  }

  package func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var remaining = bytes[...]
    while let address = UnsafeRawBufferPointer(rebasing: remaining).baseAddress,
      !remaining.isEmpty
    {
      let written = write(descriptor, address, remaining.count)
      if written >= 0 {
        remaining = remaining.dropFirst(written)
      } else if errno != EINTR {
        throw creationError(path, code: errno)
      }
    }
  }
}

private func creationError(_ path: String, code: Int32) -> FileError {
  switch code {
  case ENOENT, ENOTDIR:
    FileError(
      path: path, problem: "cannot write here because the folder does not exist",
      remedy: "create the folder first or give another one")
  case EACCES, EPERM, EROFS:
    FileError(
      path: path, problem: "cannot write here because the folder is read-only",
      remedy: "give a folder that you may write to")
  case ENOSPC, EDQUOT:
    FileError(
      path: path, problem: "cannot write here because the disk is full",
      remedy: "free some space or give a folder on another disk")
  default:
    FileError(
      path: path, problem: "cannot write here (\(systemMessage(code)))",
      remedy: "give another place")
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The operating system's words for an error number: "No space left on device".
func systemMessage(_ code: Int32) -> String {
  String(cString: strerror(code))
}

/// What the file system says of a path, symbolic links followed; nil when nothing is there.
func fileStatus(of path: String) -> stat? {
  var status = stat()
  return stat(path, &status) == 0 ? status : nil
}

extension stat {
  var isRegularFile: Bool { st_mode & S_IFMT == S_IFREG }
  var isDirectory: Bool { st_mode & S_IFMT == S_IFDIR }
}

/// Opens a regular file for reading and calls `body` with its descriptor and size in bytes.
///
/// Directories, pipes and devices are refused: a pipe could block for ever, and a device has no
/// size to check against.
///
/// - Parameter expected: what the file should be, for the messages: "a PNG or JPEG image".
func withRegularFile<Result>(
  _ path: String, expected: String,
  _ body: (_ descriptor: Int32, _ byteCount: Int) throws(FileError) -> Result
) throws(FileError) -> Result {
  // Non-blocking, so that opening a pipe without a writer returns.
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else { throw openingError(path, expected: expected, code: errno) }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else {
    throw openingError(path, expected: expected, code: errno)
  }
  if status.isDirectory {
    throw FileError(
      path: path, problem: "this is a directory, not a file", remedy: "give \(expected)")
  }
  guard status.isRegularFile else {
    throw FileError(
      path: path, problem: "this is a pipe or a device, not a regular file",
      remedy: "save it to a file first and give \(expected)")
  }
  return try body(descriptor, Int(status.st_size))
}

private func openingError(_ path: String, expected: String, code: Int32) -> FileError {
  switch code {
  case ENOENT, ENOTDIR:
    FileError(
      path: path, problem: "there is no such file",
      remedy: "check the spelling and give \(expected)")
  case EACCES, EPERM:
    FileError(
      path: path, problem: "no permission to read the file",
      remedy: "change its permissions, for example with chmod u+r")
  default:
    FileError(
      path: path, problem: "the file cannot be opened (\(systemMessage(code)))",
      remedy: "give \(expected)")
  }
}

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

/// Whether a path is itself a symbolic link, wherever that leads.
func isSymbolicLink(_ path: String) -> Bool {
  var status = stat()
  return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
}

/// Whether a path is a regular file and no link to one.
func isPlainFile(_ path: String) -> Bool {
  var status = stat()
  return lstat(path, &status) == 0 && status.isRegularFile
}

/// Whether another file system, or a part of one, is mounted at a folder, which then cannot be renamed.
func isMountPoint(_ folder: String) -> Bool {
  if let here = fileStatus(of: folder), let above = fileStatus(of: folder + "/.."),
    here.st_dev != above.st_dev
  {
    return true
  }
  #if os(Linux)
    // A part of the same file system has the same device; the kernel's list names it.
    guard let list = fopen("/proc/self/mountinfo", "re") else { return false }
    defer { fclose(list) }
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { free(line) }
    while getline(&line, &capacity, list) > 0, let text = line {
      let fields = String(cString: text).split(separator: " ", maxSplits: 5)
      if fields.count > 4, fields[4].replacing("\\040", with: " ") == folder { return true }
    }
  #endif
  return false
}

extension stat {
  var isRegularFile: Bool { st_mode & S_IFMT == S_IFREG }
  var isDirectory: Bool { st_mode & S_IFMT == S_IFDIR }
  /// Time of the last change.
  var seconds: Int { Int(changed.tv_sec) }
  /// The rest of that time.
  var nanoseconds: Int { Int(changed.tv_nsec) }

  private var changed: timespec {
    #if canImport(Darwin)
      st_mtimespec
    #else
      st_mtim
    #endif
  }
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

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder for a command's results, known to exist and to be writable.
public struct OutputFolder: Hashable, Sendable {
  /// The path as the user gave it.
  public let path: String

  /// Uses the folder at `path`, creating it and its parents as needed.
  ///
  /// - Throws: ``FileError`` when a file is in the way or the place is read-only, so that a long
  ///   run finds out before it starts.
  public init(_ path: String) throws(FileError) {
    self.path = path.isEmpty ? "." : path
    try createParents()
    guard let status = fileStatus(of: self.path), status.isDirectory else {
      throw FileError(
        path: path, problem: "this is a file, not a folder",
        remedy: "give the name of a folder for the results")
    }
    guard access(self.path, W_OK | X_OK) == 0 else {
      throw FileError(
        path: path, problem: "cannot write to this folder (\(systemMessage(errno)))",
        remedy: "give a folder that you may write to")
    }
  }

  /// The path of the file called `name` in this folder.
  public func path(of name: String) -> String {
    path.hasSuffix("/") ? path + name : path + "/" + name
  }

  private func createParents() throws(FileError) {
    let ends = path.indices.filter { path[$0] == "/" && $0 > path.startIndex } + [path.endIndex]
    for end in ends {
      let ancestor = String(path[..<end])
      if fileStatus(of: ancestor) != nil { continue }
      // Another process may create the folder between the look and the call.
      guard mkdir(ancestor, 0o777) == 0 || errno == EEXIST else {
        let code = errno
        throw FileError(
          path: path,
          problem: code == ENOTDIR
            ? "a part of this path is a file, not a folder"
            : "the folder cannot be created (\(systemMessage(code)))",
          remedy: "give a folder that you may write to")
      }
    }
  }
}

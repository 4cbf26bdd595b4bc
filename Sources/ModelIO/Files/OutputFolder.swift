#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder for a command's results, known to be writable, or possible to make.
public struct OutputFolder: Hashable, Sendable {
  /// The path as the user gave it.
  public let path: String

  /// Chooses the folder at `path`. Missing folders are made for a trial and removed again, so that
  /// a long run finds out before it starts, and one that fails leaves no trace.
  ///
  /// - Throws: ``FileError`` when a file is in the way or the place is read-only.
  public init(_ path: String) throws(FileError) {
    self.path = path.isEmpty ? "." : path
    let made = try makeMissingFolders()
    for folder in made.reversed() { rmdir(folder) }
  }

  /// Makes the folder and its parents where they are missing.
  ///
  /// - Throws: ``FileError`` when the place has changed since it was chosen.
  public func create() throws(FileError) {
    _ = try makeMissingFolders()
  }

  /// The path of the file called `name` in this folder.
  public func path(of name: String) -> String {
    path.hasSuffix("/") ? path + name : path + "/" + name
  }

  /// - Returns: the folders that were missing, outermost first. When one cannot be made, none stays.
  private func makeMissingFolders() throws(FileError) -> [String] {
    var made: [String] = []
    do throws(FileError) {
      let ends = path.indices.filter { path[$0] == "/" && $0 > path.startIndex } + [path.endIndex]
      for end in ends {
        let ancestor = String(path[..<end])
        if fileStatus(of: ancestor) != nil { continue }
        if mkdir(ancestor, 0o777) == 0 {
          made.append(ancestor)
        } else if errno != EEXIST {
          // Another process may create the folder between the look and the call.
          throw creationError(code: errno)
        }
      }
      try checkWritable()
    } catch {
      for folder in made.reversed() { rmdir(folder) }
      throw error
    }
    return made
  }

  private func checkWritable() throws(FileError) {
    guard let status = fileStatus(of: path), status.isDirectory else {
      throw FileError(
        path: path, problem: "this is a file, not a folder",
        remedy: "give the name of a folder for the results")
    }
    guard access(path, W_OK | X_OK) == 0 else {
      throw FileError(
        path: path, problem: "cannot write to this folder (\(systemMessage(errno)))",
        remedy: "give a folder that you may write to")
    }
  }

  private func creationError(code: Int32) -> FileError {
    FileError(
      path: path,
      problem: code == ENOTDIR
        ? "a part of this path is a file, not a folder"
        : "the folder cannot be created (\(systemMessage(code)))",
      remedy: "give a folder that you may write to")
  }
}

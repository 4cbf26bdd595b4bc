#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder for a command's results, which is written and replaced as one unit.
///
/// Results go to a private folder beside it, which takes its place at once when complete: whoever looks,
/// and whenever the program is killed, sees the old results whole or the new ones whole. A folder that
/// holds anything that gradleak did not write is not replaced. Nothing follows symbolic links out of it.
public struct OutputFolder: Hashable, Sendable {
  /// The path as the user gave it.
  public let path: String
  /// The same as an absolute path without symbolic links.
  let location: String
  /// Whether a folder with other files gives way; it is kept under another name.
  private let setsOthersAside: Bool

  /// Chooses the folder at `path`, and makes sure that it can be written and replaced, so that a long run
  /// finds out before it starts. Nothing is made yet.
  ///
  /// - Parameter setsOthersAside: for a folder that holds what gradleak did not write: keep it beside as
  ///   `NAME.before-1` instead of refusing.
  /// - Throws: ``FileError`` when a file or a link is in the way, the place is read-only, or the folder
  ///   cannot be replaced.
  public init(_ path: String, setsOthersAside: Bool = false) throws(FileError) {
    let path = path.isEmpty ? "." : path
    self.path = path
    self.setsOthersAside = setsOthersAside
    var plain = path
    // With a slash behind it, a link is taken for the folder that it points to.
    while plain.count > 1, plain.hasSuffix("/") { plain.removeLast() }
    if isSymbolicLink(plain) {
      throw FileError(
        path: path, problem: "this is a symbolic link, which results do not follow",
        remedy: "give the folder that it points to")
    }
    let (ancestor, missing) = try deepestFolder(plain, path: path)
    location = missing.reduce(ancestor) { $0 == "/" ? "/" + $1 : $0 + "/" + $1 }
    if missing.isEmpty {
      try checkPlace()
    } else {
      try StagedFolder.tryMaking(in: ancestor, names: missing, path: path)
    }
    StagedFolder.cleanUp(after: location)
    if !setsOthersAside { try checkContent() }
  }

  /// The path of the file called `name` in this folder, for people.
  public func path(of name: String) -> String {
    path.hasSuffix("/") ? path + name : path + "/" + name
  }

  /// Lets `fill` write the new content to a private folder, which then takes the place of this one.
  ///
  /// Files in it can be read by the user alone. Of two writers the later one's results stay, whole.
  ///
  /// - Returns: where the folder that was there is kept; nil when it held results alone or there was none.
  /// - Throws: what `fill` throws, and then the old content stays; ``FileError`` when the folder cannot be
  ///   replaced any more, which tells where the new results are.
  @discardableResult
  public func replace(_ fill: (StagedFolder) throws -> Void) throws -> String? {
    let parent = StagedFolder.split(location).parent
    try makeFolders(parent, path: path)
    StagedFolder.cleanUp(after: location)
    let staged = try StagedFolder(besides: location, path: path)
    do {
      try fill(staged)
      try staged.seal()
    } catch {
      staged.remove()
      throw error
    }
    return try staged.publish(setsOthersAside: setsOthersAside)
  }

  /// Refuses inputs that lie in the folder: they would go with what is replaced.
  ///
  /// - Throws: ``FileError`` that names the first of them.
  public func checkNotHolding(_ inputs: [String]) throws(FileError) {
    for input in inputs {
      guard let resolved = realpath(input, nil) else { continue }
      defer { free(resolved) }
      guard String(cString: resolved).hasPrefix(location + "/") else { continue }
      throw FileError(
        path: input,
        problem:
          "this file lies in \(path.escapingControlCharacters), which is replaced as a whole",
        remedy: "give another folder for the results")
    }
  }

  /// What tells the content of a folder from that which takes its place; nil where there is none.
  public static func identity(of path: String) -> [Int]? {
    fileStatus(of: path).map { [Int($0.st_dev), Int($0.st_ino), $0.seconds, $0.nanoseconds] }
  }

  /// What ``replace(_:)`` returned, as the end of a sentence.
  public static func note(_ kept: String?) -> String {
    kept.map { "; the folder that was there is now \($0.escapingControlCharacters)" } ?? ""
  }

  /// Adds a file that was written into this folder to its results, when it holds some, so that they are
  /// replaced together.
  public static func adopt(_ file: String) {
    let slash = file.lastIndex(of: "/")
    let folder = slash.map { String(file[...$0]) } ?? "."
    let name = slash.map { String(file[file.index(after: $0)...]) } ?? file
    guard case .complete(let names) = FolderMarker(of: folder) else { return }
    try? FolderMarker.complete(names.union([name])).write(to: folder)
  }

  /// Puts results back that a killed run has left beside a folder that is gone.
  public static func recover(_ path: String) {
    guard fileStatus(of: path) == nil else { return }
    _ = try? OutputFolder(path)
  }

  // MARK: - Checks

  /// Refuses places that cannot be replaced as a whole.
  private func checkPlace() throws(FileError) {
    guard access(location, W_OK | X_OK) == 0 else {
      throw FileError(
        path: path, problem: "cannot write to this folder (\(systemMessage(errno)))",
        remedy: "give a folder that you may write to")
    }
    let reason: String? =
      if location == "/" {
        "this is the root of all folders"
      } else if isBelow(location) {
        "this is the folder that you are in, or one above it"
      } else if isMountPoint(location) {
        "another disk is mounted here"
      } else {
        nil
      }
    if let reason {
      throw FileError(
        path: path, problem: "results replace a folder as a whole, and \(reason)",
        remedy: "give the name of a new folder in it, such as \(path(of: "results"))")
    }
    let (parent, name) = StagedFolder.split(location)
    try StagedFolder.tryMaking(in: parent, names: [name], path: path)
  }

  /// Whether the working folder is `folder` or lies in it.
  private func isBelow(_ folder: String) -> Bool {
    guard let current = getcwd(nil, 0) else { return false }
    defer { free(current) }
    let here = String(cString: current)
    return here == folder || here.hasPrefix(folder + "/")
  }

  /// Refuses a folder that holds what gradleak did not write.
  private func checkContent() throws(FileError) {
    guard let first = FolderMarker.foreignEntries(of: location).first else { return }
    let count = FolderMarker.foreignEntries(of: location).count
    throw FileError(
      path: path,
      problem: "this folder holds \(first.quotedForMessage)"
        + (count > 1 ? " and \(count - 1) more" : "")
        + ", which gradleak did not write there, and results "
        + "replace a folder as a whole",
      advising: """
        give another folder, or \(.force) to keep this one as \
        \(StagedFolder.split(StagedFolder.freeName(location, "before")).name) and write anew
        """)
  }
}

/// The deepest folder of a path that exists, absolute and without links, and the names below it.
private func deepestFolder(
  _ plain: String, path: String
) throws(FileError) -> (folder: String, missing: [String]) {
  var (folder, missing) = (plain, [String]())
  while true {
    if let status = fileStatus(of: folder) {
      guard status.isDirectory else {
        throw FileError(
          path: path,
          problem: missing.isEmpty
            ? "this is a file, not a folder" : "a part of this path is a file, not a folder",
          remedy: "give the name of a folder for the results")
      }
      break
    }
    let code = errno
    let (parent, name) = StagedFolder.split(folder)
    guard code == ENOENT || code == ENOTDIR || code == ENAMETOOLONG, name.utf8.count <= 255,
      name != "..", folder != parent
    else {
      throw FileError(
        path: path,
        problem:
          "the folder cannot be created (\(systemMessage(name.utf8.count > 255 ? ENAMETOOLONG : code)))",
        remedy: "give a folder that you may write to")
    }
    if name != "." { missing.insert(name, at: 0) }
    folder = parent
  }
  guard let resolved = realpath(folder, nil) else {
    throw FileError(
      path: path, problem: "the folder cannot be found (\(systemMessage(errno)))",
      remedy: "give another one")
  }
  defer { free(resolved) }
  return (String(cString: resolved), missing)
}

/// Makes a folder and its parents where they are missing.
///
/// - Parameter path: of the results, for messages.
private func makeFolders(_ folder: String, path: String) throws(FileError) {
  let ends = folder.indices.filter { folder[$0] == "/" && $0 > folder.startIndex }
  for end in ends + [folder.endIndex] {
    let ancestor = String(folder[..<end])
    // Another process may create the folder between the look and the call.
    if fileStatus(of: ancestor) == nil, mkdir(ancestor, 0o777) != 0, errno != EEXIST {
      throw FileError(
        path: path, problem: "the folder cannot be created (\(systemMessage(errno)))",
        remedy: "give a folder that you may write to")
    }
  }
}

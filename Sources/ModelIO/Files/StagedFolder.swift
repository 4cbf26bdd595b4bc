import CFiles

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A private folder that is being filled, beside the one that it will replace; see
/// ``OutputFolder/replace(_:)``.
public final class StagedFolder {
  /// Where the files go.
  let path: String
  /// The folder to replace, absolute, and as the user gave it.
  private let destination: String
  private let shownPath: String
  /// Locked while the writer lives: a folder without a lock was left by a killed run.
  private let lock: Int32

  private static let (infix, suffix) = (".gradleak-", ".tmp")

  init(besides destination: String, path shownPath: String) throws(FileError) {
    self.destination = destination
    self.shownPath = shownPath
    let (parent, name) = StagedFolder.split(destination)
    (path, lock) = try StagedFolder.make(in: parent, name: name, path: shownPath)
    do throws(FileError) {
      try FolderMarker.incomplete.write(to: path)
    } catch {
      rmdir(path)
      throw FileError(path: shownPath, problem: error.problem, advising: error.remedy)
    }
  }

  /// Makes sure that a folder with the first of `names` can be made, and the others below it.
  static func tryMaking(in parent: String, names: [String], path: String) throws(FileError) {
    let made = try make(in: parent, name: names[0], path: path)
    rmdir(made.path)
    close(made.lock)
    for name in names where name.utf8.count > 200 { throw error(ENAMETOOLONG, path: path) }
  }

  /// A new private folder with a lock on it.
  private static func make(
    in parent: String, name: String, path shownPath: String
  ) throws(FileError) -> (path: String, lock: Int32) {
    var code: Int32 = EEXIST
    for number in 0..<10_000 {
      let path = (parent == "/" ? "" : parent) + "/.\(name)\(infix)\(getpid())-\(number)\(suffix)"
      guard mkdir(path, 0o700) == 0 else {
        code = errno
        if code == EEXIST { continue }
        break
      }
      guard let lock = lock(path) else { continue }
      // Another run's cleaning may have seen the folder before it was locked, and removed it.
      if fileStatus(of: path) != nil { return (path, lock) }
      close(lock)
    }
    throw error(code, path: shownPath)
  }

  private static func error(_ code: Int32, path: String) -> FileError {
    FileError(
      path: path,
      problem: "no folder can be made in the one that holds this (\(systemMessage(code)))",
      remedy: code == ENAMETOOLONG
        ? "give a shorter name" : "give a folder in one that you may write to")
  }

  deinit { close(lock) }

  /// The path of the file called `name` in this folder.
  public func path(of name: String) -> String { path + "/" + name }

  /// Makes the content final: readable by the user alone, and every file named in the marker.
  func seal() throws(FileError) {
    var names: Set<String> = []
    for name in FolderMarker.entries(of: path) where name != FolderMarker.name {
      guard chmod(path(of: name), 0o600) == 0 else {
        throw FileError(
          path: shownPath, problem: "results cannot be made private (\(systemMessage(errno)))",
          remedy: "give a folder on another disk")
      }
      names.insert(name)
    }
    try FolderMarker.complete(names).write(to: path)
  }

  /// Removes what was written.
  func remove() { StagedFolder.remove(path) }

  // MARK: - Taking the place

  /// - Returns: where the folder that was there is kept, when it held more than results.
  func publish(setsOthersAside: Bool) throws(FileError) -> String? {
    for _ in 0..<100 {
      if fileStatus(of: destination) == nil, !isSymbolicLink(destination) {
        if rename(path, destination) == 0 { return nil }
        // Another run may have been faster.
        guard [EEXIST, ENOTEMPTY].contains(errno) else { throw kept(systemMessage(errno)) }
        continue
      }
      guard !isSymbolicLink(destination), fileStatus(of: destination)?.isDirectory == true else {
        throw kept("a file or a link has taken its place")
      }
      if let foreign = FolderMarker.foreignEntries(of: destination).first {
        guard setsOthersAside else {
          throw kept("\(foreign.quotedForMessage) has come into it meanwhile")
        }
        let aside = StagedFolder.freeName(destination, "before")
        guard rename(path, aside) == 0 else { throw kept(systemMessage(errno)) }
        // Killed here, the new results lie whole beside the old folder.
        guard exchange(aside, destination) || exchangeInSteps(aside, destination) else {
          throw kept(systemMessage(errno), in: aside)
        }
        return StagedFolder.split(shownPath).parent == "."
          ? StagedFolder.split(aside).name
          : StagedFolder.split(shownPath).parent + "/" + StagedFolder.split(aside).name
      }
      if exchange(path, destination) || exchangeInSteps(path, destination) {
        retire()
        return nil
      }
      guard [ENOENT, EEXIST, ENOTEMPTY].contains(errno) else { throw kept(systemMessage(errno)) }
    }
    throw kept("others keep replacing it")
  }

  /// Swaps two folders at once, where the file system can.
  private func exchange(_ first: String, _ second: String) -> Bool {
    gradleak_exchange(first, second) == 0
  }

  /// The same in three renames. A run that is killed between them leaves both folders whole, and the next
  /// one puts the newer in place.
  private func exchangeInSteps(_ first: String, _ second: String) -> Bool {
    guard [EINVAL, ENOSYS, ENOTSUP, EOPNOTSUPP].contains(errno) else { return false }
    let (parent, name) = StagedFolder.split(destination)
    let old =
      (parent == "/" ? "" : parent)
      + "/.\(name)\(StagedFolder.infix)\(getpid())-old\(StagedFolder.suffix)"
    guard rename(second, old) == 0 else { return false }
    guard rename(first, second) == 0 else {
      let code = errno
      rename(old, second)
      errno = code
      return false
    }
    return rename(old, first) == 0
  }

  /// Deletes the results that were replaced, unless something else has come among them.
  private func retire() {
    if FolderMarker.foreignEntries(of: path).isEmpty {
      StagedFolder.remove(path)
    } else {
      rename(path, StagedFolder.freeName(destination, "before"))
    }
  }

  /// The new results are not lost when they cannot take their place.
  private func kept(_ reason: String, in place: String? = nil) -> FileError {
    let free = StagedFolder.freeName(destination, "new")
    let isMoved = place == nil && rename(path, free) == 0
    return FileError(
      path: shownPath, problem: "the folder cannot be replaced (\(reason))",
      remedy: "the new results are in \(place ?? (isMoved ? free : path))")
  }

  // MARK: - What killed runs left

  /// Removes folders that killed runs have left beside `destination`; when that is missing, the newest
  /// complete one takes its place.
  static func cleanUp(after destination: String) {
    let (parent, name) = split(destination)
    let left = FolderMarker.entries(of: parent).filter {
      $0.hasPrefix(".\(name)\(infix)") && $0.hasSuffix(suffix)
    }
    var stale: [(path: String, lock: Int32, seconds: Int)] = []
    for entry in left {
      let path = (parent == "/" ? "" : parent) + "/" + entry
      guard !isSymbolicLink(path), let status = fileStatus(of: path), status.isDirectory,
        status.st_uid == geteuid(), let lock = lock(path)
      else { continue }
      stale.append((path, lock, fileStatus(of: path + "/" + FolderMarker.name)?.seconds ?? 0))
    }
    for (path, lock, _) in stale.sorted(by: { $0.seconds > $1.seconds }) {
      defer { close(lock) }
      if case .complete = FolderMarker(of: path), fileStatus(of: destination) == nil,
        !isSymbolicLink(destination), rename(path, destination) == 0
      {
        continue
      }
      if FolderMarker.foreignEntries(of: path).isEmpty { remove(path) }
    }
  }

  /// Deletes the plain files of a folder that is gradleak's own, the marker last, and the folder if nothing
  /// else is in it.
  private static func remove(_ folder: String) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    for name in FolderMarker.entries(of: folder) where name != FolderMarker.name {
      if isPlainFile(folder + "/" + name) { unlinkat(descriptor, name, 0) }
    }
    guard FolderMarker.entries(of: folder).allSatisfy({ $0 == FolderMarker.name }) else { return }
    unlinkat(descriptor, FolderMarker.name, 0)
    rmdir(folder)
  }

  /// A lock on a folder, held until its descriptor is closed; nil when another process has it.
  private static func lock(_ folder: String) -> Int32? {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return descriptor }
    // Some network file systems have no locks: then nobody cleans, and everybody writes.
    if errno == EWOULDBLOCK {
      close(descriptor)
      return nil
    }
    return descriptor
  }

  // MARK: - Names

  /// The folder that holds a path, and its last name.
  static func split(_ path: String) -> (parent: String, name: String) {
    var plain = path[...]
    while plain.count > 1, plain.hasSuffix("/") { plain.removeLast() }
    guard let slash = plain.lastIndex(of: "/") else { return (".", String(plain)) }
    let parent = plain[..<slash]
    return (parent.isEmpty ? "/" : String(parent), String(plain[plain.index(after: slash)...]))
  }

  /// `PATH.WORD-1`, or the first higher number that is free.
  static func freeName(_ path: String, _ word: String) -> String {
    var number = 1
    while fileStatus(of: "\(path).\(word)-\(number)") != nil
      || isSymbolicLink("\(path).\(word)-\(number)")
    {
      number += 1
    }
    return "\(path).\(word)-\(number)"
  }
}

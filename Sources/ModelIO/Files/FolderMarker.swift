#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The file `.gradleak` of a result folder, which tells what gradleak has written there: only that may be
/// deleted when the folder is replaced.
enum FolderMarker: Equatable {
  /// The folder is being written.
  case incomplete
  /// The names of all files that were written.
  case complete(Set<String>)

  static let name = ".gradleak"
  private static let title = "Results of gradleak, which are replaced as a whole. Files:"
  private static let incompleteTitle = "Results of gradleak, being written"
  private static let sizeLimit = 64 << 20

  /// What the marker of `folder` says; nil when there is none, or it is no marker.
  init?(of folder: String) {
    let path = folder + "/" + FolderMarker.name
    guard !isSymbolicLink(path),
      let bytes = try? InputFile.bytes(
        at: path, expected: "a marker", limit: FolderMarker.sizeLimit)
    else { return nil }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    switch lines.first {
    case FolderMarker.title: self = .complete(Set(lines.dropFirst()))
    case FolderMarker.incompleteTitle: self = .incomplete
    default: return nil
    }
  }

  func write(to folder: String) throws(FileError) {
    let lines =
      switch self {
      case .incomplete: [FolderMarker.incompleteTitle]
      case .complete(let names): [FolderMarker.title] + names.sorted()
      }
    try AtomicFile.write(
      lines.joined(separator: "\n") + "\n", to: folder + "/" + FolderMarker.name, isPrivate: true)
  }

  /// What a folder holds that gradleak did not write, sorted: files that its marker does not name, folders,
  /// links. Where there is no marker all but temporary files.
  static func foreignEntries(of folder: String) -> [String] {
    while true {
      // Another run may put its results in place between the look at the marker and that at the files.
      let before = OutputFolder.identity(of: folder)
      let entries = entriesOfOthers(folder)
      if entries.isEmpty || OutputFolder.identity(of: folder) == before { return entries }
    }
  }

  private static func entriesOfOthers(_ folder: String) -> [String] {
    let marker = FolderMarker(of: folder)
    return entries(of: folder).filter { name in
      guard isPlainFile(folder + "/" + name) else { return true }
      // A run that was killed while it wrote its marker left that under a temporary name.
      guard let marker else { return !AtomicFile.isTemporary(name) }
      switch marker {
      case .incomplete: return false
      case .complete(let names):
        return name != FolderMarker.name && !names.contains(name) && !AtomicFile.isTemporary(name)
      }
    }
  }

  /// Names of what is in a folder, sorted; none when it cannot be read.
  static func entries(of folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) {
          String(cString: $0)
        }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}

import Foundation
import ModelIO

/// A folder for what attacks read, where no results are kept.
struct ScratchFolder {
  private let path: String

  /// The folder, or one that is to be removed at the end where there is none.
  static func or(
    _ folder: OutputFolder?
  ) throws(FileError) -> (folder: OutputFolder, scratch: ScratchFolder?) {
    if let folder { return (folder, nil) }
    let scratch = ScratchFolder(
      path: FileManager.default.temporaryDirectory.path
        + "/gradleak-federation-\(ProcessInfo.processInfo.processIdentifier)")
    return (try OutputFolder(scratch.path), scratch)
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}

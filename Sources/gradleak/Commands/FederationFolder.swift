import Foundation
import ModelIO

/// Where a federation's files lie: in the folder that was asked for, or for as long as the command runs.
enum FederationFolder {
  /// Fills the folder.
  ///
  /// - Parameters:
  ///   - folder: that was asked for; nil for one that is removed at the end.
  ///   - work: writes into the folder while it is staged.
  ///   - isKept: told of a folder that stays, and where the one is kept that was there before.
  static func work(
    in folder: OutputFolder?, _ work: (OutputFolder, StagedFolder) throws -> Void,
    isKept: (OutputFolder, String?) -> Void
  ) throws {
    if let folder {
      isKept(folder, try folder.replace { try work(folder, $0) })
      return
    }
    let scratch =
      FileManager.default.temporaryDirectory.path
      + "/gradleak-federation-\(ProcessInfo.processInfo.processIdentifier)"
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    let passing = try OutputFolder(scratch)
    try passing.replace { try work(passing, $0) }
  }
}

import ArgumentParser
import ModelIO
import TensorGraph

/// Where results go.
struct OutputOptions: ParsableArguments {
  @Option(
    name: [.long, .short], help: ArgumentHelp("Folder for the results.", valueName: "folder"),
    completion: .directory)
  var out: String?

  @Flag(
    help: ArgumentHelp(
      "Take the place of a folder that holds other files too; it is kept beside, as FOLDER.before-1.",
      visibility: .rare))
  var force = false

  @Flag(help: "Print the records as JSON instead of a table.")
  var json = false

  @Flag(name: [.long, .short], help: "Show no progress.")
  var quiet = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Processor threads; all by default.", valueName: "n", visibility: .rare))
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "What computes; see 'gradleak devices'. A plugin's file does too.", valueName: "device",
      visibility: .rare),
    completion: .list(BackendChoice.allValueStrings))
  var device = BackendChoice.cpu

  /// What computes, with these threads.
  ///
  /// - Throws: `XLAError` when there is no such device.
  var backend: any Backend {
    get throws { try device.backend(threads: threads) }
  }

  /// The folder for the results; nil where none is asked for.
  ///
  /// - Parameter inputs: files that the results are made from.
  /// - Throws: ``FileError`` when it cannot be written or replaced, or holds one of the inputs.
  func folder(besides inputs: [String] = []) throws(FileError) -> OutputFolder? {
    guard let out else { return nil }
    let folder = try OutputFolder(out, setsOthersAside: force)
    try folder.checkNotHolding(inputs)
    return folder
  }

  func validate() throws {
    if let out, out.isEmpty {
      throw ValidationError("--out is empty; give the name of a folder for the results.")
    }
    if let threads { try check("--threads", threads, 1...1024) }
  }
}

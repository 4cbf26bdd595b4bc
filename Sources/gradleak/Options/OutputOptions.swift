import ArgumentParser

/// Where results go.
struct OutputOptions: ParsableArguments {
  @Option(
    name: [.long, .short], help: ArgumentHelp("Folder for the results.", valueName: "folder"))
  var out: String?

  @Flag(help: "Print the records as JSON instead of a table.")
  var json = false

  @Flag(name: [.long, .short], help: "Show no progress.")
  var quiet = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Processor threads; all by default.", valueName: "n"))
  var threads: Int?

  func validate() throws {
    if let out, out.isEmpty {
      throw ValidationError("--out is empty; give the name of a folder for the results.")
    }
    if let threads { try check("--threads", threads, 1...1024) }
  }
}

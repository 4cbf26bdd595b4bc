import ArgumentParser
import Audit

/// Private texts on the command line.
struct TextDataOptions: ParsableArguments {
  @Option(
    name: .customLong("text"),
    help: ArgumentHelp("A private text; may be repeated.", valueName: "text"))
  var texts: [String] = []

  @Option(
    name: [.customLong("texts"), .customLong("file")],
    help: ArgumentHelp("Private texts, one a line.", valueName: "file"), completion: .texts)
  var file: String?

  var isGiven: Bool { !texts.isEmpty || file != nil }

  func validate() throws {
    if file != nil, !texts.isEmpty {
      throw ValidationError("Give the private texts with --text or with --texts; leave one out.")
    }
  }

  /// The texts.
  ///
  /// - Throws: ``FileError`` when the file cannot be read or holds none.
  func read() throws -> [String] { try file.map { try TextFile.lines(of: $0) } ?? texts }
}

import ModelIO

/// A file with private texts.
package enum TextFile {
  private static let limit = 64 << 20

  /// The texts, one a line; lines of blanks are none.
  ///
  /// - Throws: ``FileError`` when the file cannot be read, is no text in UTF-8, or has no text.
  package static func lines(of path: String) throws(FileError) -> [String] {
    let bytes = try InputFile.bytes(
      at: path, expected: "a text file with one text a line", limit: limit)
    try WantedFile.text.refuseOthers(bytes, path: path)
    guard let content = String(validating: bytes, as: UTF8.self) else {
      throw FileError(
        path: path, problem: "the file is not UTF-8 text", remedy: "save it as UTF-8")
    }
    let lines = content.split(whereSeparator: \.isNewline).map(String.init)
      .filter { !$0.allSatisfy(\.isWhitespace) }
    guard !lines.isEmpty else {
      throw FileError(
        path: path, problem: "the file has no line with text", remedy: "write one text a line")
    }
    return lines
  }
}

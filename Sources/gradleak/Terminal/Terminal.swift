import Foundation
import ModelIO

/// Standard output and error as the user sees them.
enum Terminal {
  /// Whether standard error is a terminal that can redraw a line.
  static let isInteractive: Bool =
    isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"

  /// Whether what is written to a descriptor may be coloured: a terminal, and no `NO_COLOR`
  /// (https://no-color.org).
  static func hasColor(on descriptor: Int32) -> Bool { isatty(descriptor) == 1 && allowsColor }

  private static let allowsColor: Bool = {
    let environment = ProcessInfo.processInfo.environment
    return environment["TERM"] != "dumb" && (environment["NO_COLOR"] ?? "").isEmpty
  }()

  /// Whether the locale's characters are UTF-8.
  static let isUnicode: Bool = {
    let environment = ProcessInfo.processInfo.environment
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }
      .first { !$0.isEmpty }
    return ["UTF-8", "UTF8"].contains { locale?.uppercased().contains($0) == true }
  }()

  /// Columns of the terminal that a descriptor belongs to, or as many as `COLUMNS` says it has; nil where it is
  /// none.
  static func columns(of descriptor: Int32) -> Int? {
    guard isatty(descriptor) == 1 else { return nil }
    if let text = ProcessInfo.processInfo.environment["COLUMNS"], let told = Int(text), told >= 20 {
      return told
    }
    let columns = Int(size(of: descriptor).ws_col)
    return columns >= 20 ? columns : 80
  }

  /// Rows of the terminal that standard error is shown in.
  static var rowCount: Int {
    let rows = Int(size(of: STDERR_FILENO).ws_row)
    return rows > 0 ? rows : 24
  }

  private static func size(of descriptor: Int32) -> winsize {
    var size = winsize()
    return ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 ? size : winsize()
  }

  /// Columns for what is written to a descriptor: those of its terminal, 80 where it is none.
  static func width(of descriptor: Int32) -> Int { columns(of: descriptor) ?? 80 }

  enum Style: String {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
  }

  static func styled(
    _ text: String, _ style: Style, on handle: FileHandle = .standardOutput
  ) -> String {
    hasColor(on: handle.fileDescriptor) ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// Writes a line to standard output.
  static func print(_ line: String = "") {
    write(line + "\n", to: .standardOutput)
  }

  /// Writes a table to standard output, as wide as its terminal; of any width where there is none.
  static func print(_ table: TextTable) {
    for (index, line) in table.lines(width: columns(of: STDOUT_FILENO)).enumerated() {
      print(index == 0 ? styled(line, .bold) : line)
    }
  }

  /// Writes a paragraph to standard output, broken between words; see
  /// ``wrapped(_:head:indentation:width:)``.
  static func printParagraph(_ text: String, head: String = "", indentation: Int = 2) {
    for line in wrapped(
      text, head: head, indentation: indentation, width: width(of: STDOUT_FILENO))
    {
      print(line)
    }
  }

  /// Writes a verdict to standard output, in its colour.
  static func printVerdict(_ sentence: String, _ style: Style) {
    for line in wrapped(sentence, indentation: 0, width: width(of: STDOUT_FILENO)) {
      print(styled(line, style))
    }
  }

  /// Writes names with what is said of each to standard output: beside each other, or one below the other where
  /// the name is long or the terminal is narrow.
  static func printEntries(_ entries: [(name: String, text: String)], style: Style? = nil) {
    let short = entries.map(\.name.count).filter { $0 <= longestNameBesideText }
    let indentation = (short.max() ?? 0) + 2
    let isNarrow = indentation + leastTextWidth > width(of: STDOUT_FILENO)
    for (name, text) in entries {
      let padded = name.padding(toLength: indentation - 2, withPad: " ", startingAt: 0)
      let isBeside = !isNarrow && name.count <= indentation - 2
      let shown = isBeside ? padded : name
      let head = style.map { styled(shown, $0) } ?? shown
      guard isBeside else {
        print(head)
        let margin = isNarrow ? 4 : indentation
        printParagraph(
          text, head: String(repeating: " ", count: margin), indentation: margin)
        continue
      }
      // What colours a head has no width.
      let lines = wrapped(
        text, head: padded + "  ", indentation: indentation, width: width(of: STDOUT_FILENO))
      for (index, line) in lines.enumerated() {
        print(index == 0 ? head + line.dropFirst(padded.count) : line)
      }
    }
  }

  /// Longer names have a line of their own.
  private static let longestNameBesideText = 30
  /// Columns for text beside a name.
  private static let leastTextWidth = 28

  /// Writes a paragraph that may name settings to standard output.
  static func printParagraph(_ sentence: Sentence, head: String = "", indentation: Int = 2) {
    printParagraph(sentence.namingOptions, head: head, indentation: indentation)
  }

  /// Says what was written to a folder, and that it is not for everybody.
  static func printWritten(_ files: String) {
    printParagraph("Wrote \(files).", indentation: 0)
    printParagraph("The folder holds private data; only you can read it.", indentation: 0)
  }

  /// Writes a paragraph that the user should know to standard error.
  static func printNote(_ text: String, head: String = "note: ") {
    for line in wrapped(
      text, head: head, indentation: head.count, width: width(of: STDERR_FILENO))
    {
      printError(line)
    }
  }

  /// Writes a line to standard error.
  static func printError(_ line: String) {
    write(line + "\n", to: .standardError)
  }

  /// The words of `text` on lines no wider than `width`, and at most 100 characters long. The
  /// first begins with `head`, the others are indented. A word is never cut.
  static func wrapped(
    _ text: String, head: String = "", indentation: Int, width: Int
  ) -> [String] {
    let limit = min(width, 100)
    var lines: [String] = []
    var line = head
    var isLineEmpty = true
    for word in text.split(separator: " ") {
      if !isLineEmpty, line.count + 1 + word.count > limit {
        lines.append(line)
        line = String(repeating: " ", count: indentation) + word
      } else {
        line += (isLineEmpty ? "" : " ") + word
      }
      isLineEmpty = false
    }
    return lines + [line]
  }

  static func write(_ text: String, to handle: FileHandle) {
    do {
      try handle.write(contentsOf: Data(text.utf8))
    } catch {
      // A closed pipe (`gradleak ... | head`) is no reason to complain; a full disk is.
      // Nor is a terminal that was closed during the run, as long as the results are kept.
      guard handle === FileHandle.standardOutput, errno != EPIPE, Interruption.number != SIGHUP
      else { return }
      printError("gradleak: the output cannot be written (\(String(cString: strerror(errno)))).")
      exit(ExitStatus.badInput)
    }
  }
}

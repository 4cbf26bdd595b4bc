import Foundation
import ModelIO

/// Standard output and error as the user sees them.
enum Terminal {
  /// Whether standard error is a terminal that can redraw a line.
  static let isInteractive: Bool =
    isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"

  /// Whether output may be coloured: a terminal, and no `NO_COLOR` (https://no-color.org).
  static let hasColor: Bool = {
    let environment = ProcessInfo.processInfo.environment
    let isRefused = !(environment["NO_COLOR"] ?? "").isEmpty
    return isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb" && !isRefused
  }()

  /// Columns of the terminal that standard error is shown in; 80 elsewhere.
  static var width: Int { width(of: STDERR_FILENO) }

  /// Columns of the terminal that a descriptor belongs to; 80 where it is none.
  static func width(of descriptor: Int32) -> Int {
    var size = winsize()
    let isKnown = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col >= 20
    return isKnown ? Int(size.ws_col) : 80
  }

  enum Style: String {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
  }

  static func styled(_ text: String, _ style: Style) -> String {
    hasColor ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// Writes a line to standard output.
  static func print(_ line: String = "") {
    write(line + "\n", to: .standardOutput)
  }

  /// Writes a paragraph to standard output, broken between words; see ``wrapped(_:head:indentation:)``.
  static func printParagraph(_ text: String, head: String = "", indentation: Int = 2) {
    for line in wrapped(text, head: head, indentation: indentation) { print(line) }
  }

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
    for line in wrapped(text, head: head, indentation: head.count) { printError(line) }
  }

  /// Writes a paragraph that may name settings to standard error.
  static func printNote(_ sentence: Sentence, head: String = "note: ") {
    printNote(sentence.namingOptions, head: head)
  }

  /// Writes a line to standard error.
  static func printError(_ line: String) {
    write(line + "\n", to: .standardError)
  }

  /// The words of `text` on lines no wider than the terminal, and at most 100 characters long. The
  /// first begins with `head`, the others are indented. A word is never cut.
  static func wrapped(_ text: String, head: String = "", indentation: Int) -> [String] {
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

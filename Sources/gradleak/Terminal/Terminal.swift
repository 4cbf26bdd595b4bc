import Foundation

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

  /// Writes a line to standard error.
  static func printError(_ line: String) {
    write(line + "\n", to: .standardError)
  }

  static func write(_ text: String, to handle: FileHandle) {
    // A closed pipe (`gradleak ... | head`) is no reason to complain.
    try? handle.write(contentsOf: Data(text.utf8))
  }
}

import Foundation

/// Shows how far long work is, on standard error, so that standard output stays clean: in a terminal a line, and
/// what belongs below it, that redraw themselves; elsewhere a plain line every few seconds.
final class LiveDisplay {
  private let isEnabled: Bool
  private let interval: TimeInterval
  private var lastShown = Date.distantPast
  /// Lines on the screen; the cursor is at the end of the last one.
  private var lineCount = 0

  init(isEnabled: Bool) {
    self.isEnabled = isEnabled
    interval = Terminal.isInteractive ? 0.1 : 5
  }

  /// Shows what the closures make, unless something was shown a moment ago.
  ///
  /// - Parameters:
  ///   - head: a line; cut where it is too long.
  ///   - body: lines of at most so many columns, and at most so many of them, for terminals alone.
  func update(
    _ head: () -> String, body: (_ columns: Int, _ rows: Int) -> [String] = { _, _ in [] }
  ) {
    guard isEnabled else { return }
    let now = Date()
    guard now.timeIntervalSince(lastShown) >= interval else { return }
    if Terminal.isInteractive {
      // A line that wraps could not be redrawn, nor one that has left the screen.
      let columns = Terminal.width(of: STDERR_FILENO) - 1
      draw([String(head().prefix(columns))] + body(columns, Terminal.rowCount - 3))
    } else if lastShown != .distantPast {
      Terminal.printError(head())
    }
    lastShown = now
  }

  /// Removes what is shown.
  func clear() {
    guard lineCount > 0 else { return }
    Terminal.write(start + (lineCount > 1 ? "\u{1B}[J" : "\u{1B}[K"), to: .standardError)
    lineCount = 0
  }

  private func draw(_ lines: [String]) {
    let text = lines.map { "\u{1B}[K" + $0 }.joined(separator: "\n")
    let rest = lines.count < lineCount ? "\u{1B}[J" : ""
    Terminal.write(start + text + rest, to: .standardError)
    lineCount = lines.count
  }

  /// To the beginning of the first line.
  private var start: String { "\r" + (lineCount > 1 ? "\u{1B}[\(lineCount - 1)A" : "") }
}

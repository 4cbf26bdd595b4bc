import Foundation

/// Shows how texts settle into place: a few lines of standard output that redraw themselves, words that
/// have just changed dimmed. Only for terminals; elsewhere there is nothing to redraw.
final class SettlingTexts {
  /// Whether standard output is a terminal that can redraw lines.
  static let isPossible: Bool =
    isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"

  private static let interval: TimeInterval = 0.1
  /// Texts that are shown at most.
  private static let limit = 12

  private let isEnabled: Bool
  private var lastShown = Date.distantPast
  private var lineCount = 0
  private var previous: [[Substring]] = []

  init(isEnabled: Bool) {
    self.isEnabled = isEnabled && SettlingTexts.isPossible
  }

  /// Redraws the lines that `content` makes, unless that was done a moment ago.
  ///
  /// - Returns: false where there is no terminal to draw in.
  func update(_ content: () -> (head: String, texts: [String])) -> Bool {
    guard isEnabled else { return false }
    let now = Date()
    guard now.timeIntervalSince(lastShown) >= SettlingTexts.interval else { return true }
    lastShown = now
    let (head, texts) = content()
    // A line that wraps could not be redrawn.
    let width = max(Terminal.width(of: STDOUT_FILENO) - 1, 1)
    let words = texts.prefix(SettlingTexts.limit).map { text in
      String(text.prefix(max(width - 2, 0))).split(separator: " ")
    }
    var lines = [String(head.prefix(width))]
    for (index, line) in words.enumerated() {
      let old = index < previous.count ? previous[index] : []
      let shown = line.enumerated().map { place, word in
        let isSettled = place < old.count && old[place] == word
        return isSettled ? String(word) : Terminal.styled(String(word), .dim)
      }
      lines.append("  " + shown.joined(separator: " "))
    }
    previous = words
    Terminal.write(erasure + lines.joined(separator: "\n") + "\n", to: .standardOutput)
    lineCount = lines.count
    return true
  }

  /// Removes the lines.
  func clear() {
    guard lineCount > 0 else { return }
    Terminal.write(erasure, to: .standardOutput)
    lineCount = 0
    previous = []
  }

  /// Up to the first of the lines, and all below it removed.
  private var erasure: String { lineCount > 0 ? "\u{1B}[\(lineCount)A\r\u{1B}[J" : "" }
}

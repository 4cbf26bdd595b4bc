import Foundation

/// Shows how far long work is: one line that redraws itself in a terminal, a plain line every few
/// seconds elsewhere. Goes to standard error, so that standard output stays clean.
final class ProgressLine {
  private let isEnabled: Bool
  private let interval: TimeInterval
  private var lastShown = Date.distantPast
  private var isOpen = false

  init(isEnabled: Bool) {
    self.isEnabled = isEnabled
    interval = Terminal.isInteractive ? 0.1 : 5
  }

  /// Shows the line that `text` makes, unless one was shown a moment ago.
  func update(_ text: () -> String) {
    guard isEnabled else { return }
    let now = Date()
    guard now.timeIntervalSince(lastShown) >= interval else { return }
    if Terminal.isInteractive {
      // A line that wraps could not be redrawn.
      let line = text().prefix(Terminal.width(of: STDERR_FILENO) - 1)
      Terminal.write("\r\u{1B}[K" + line, to: .standardError)
      isOpen = true
    } else if lastShown != .distantPast {
      Terminal.printError(text())
    }
    lastShown = now
  }

  /// Removes the line.
  func clear() {
    guard isOpen else { return }
    Terminal.write("\r\u{1B}[K", to: .standardError)
    isOpen = false
  }

  /// A duration as minutes and seconds, such as "2:05".
  static func clock(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 360_000 else { return "-:--" }
    let total = Int(max(seconds, 0).rounded(.up))
    let (hours, minutes) = (total / 3600, total / 60 % 60)
    let tail = String(format: "%02d", total % 60)
    return hours > 0 ? "\(hours):" + String(format: "%02d:", minutes) + tail : "\(minutes):\(tail)"
  }
}

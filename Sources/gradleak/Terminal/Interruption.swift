import Foundation
import Synchronization

/// Ctrl-C: the first asks the running attack to stop and keep its best result, the second ends the
/// program at once.
enum Interruption {
  private static let presses = Atomic<Int>(0)

  /// Starts to listen. Before this Ctrl-C ends the program as usual.
  static func listen() {
    // Touched here first, so that the handler itself initialises nothing.
    presses.store(0, ordering: .relaxed)
    signal(SIGINT) { _ in
      if Interruption.presses.add(1, ordering: .relaxed).newValue > 1 {
        _exit(ExitStatus.interrupted)
      }
    }
  }

  /// Whether Ctrl-C was pressed.
  static var isRequested: Bool { presses.load(ordering: .relaxed) > 0 }
}

/// The program's exit statuses.
enum ExitStatus {
  /// A check found what it looks for.
  static let found: Int32 = 1
  /// Wrong options, or a file that is missing or cannot be used.
  static let badInput: Int32 = 2
  /// An attack was cut short, so that a check can tell neither.
  static let undetermined: Int32 = 3
  /// Stopped by Ctrl-C; the best result so far was kept.
  static let interrupted: Int32 = 130
}

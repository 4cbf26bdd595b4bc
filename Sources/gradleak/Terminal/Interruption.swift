import Foundation
import Synchronization

/// Ctrl-C, and the signals of `kill`, of a system that shuts down and of a terminal that is closed (SIGINT,
/// SIGTERM, SIGHUP): the first asks the running attack to stop and keep its best result, the second ends
/// the program at once.
enum Interruption {
  /// The number of the first signal; 0 before it.
  private static let first = Atomic<Int32>(0)

  /// Starts to listen. Before this the signals end the program as usual.
  static func listen() {
    // Touched here first, so that the handler itself initialises nothing.
    first.store(0, ordering: .relaxed)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      let previous = signal(number, SIG_IGN)
      // Whoever starts a program with nohup wants it to outlive the terminal.
      if number == SIGHUP, isIgnoring(previous) { continue }
      signal(number) { number in
        let (isFirst, earlier) = Interruption.first.compareExchange(
          expected: 0, desired: number, ordering: .relaxed)
        if !isFirst { _exit(128 + earlier) }
      }
    }
  }

  private static func isIgnoring(_ handler: (@convention(c) (Int32) -> Void)?) -> Bool {
    unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// Whether a signal has come.
  static var isRequested: Bool { number > 0 }

  /// The first signal; 0 when none has come.
  static var number: Int32 { first.load(ordering: .relaxed) }
}

/// The program's exit statuses.
enum ExitStatus {
  /// A check found what it looks for.
  static let found: Int32 = 1
  /// Wrong options, or a file that is missing or cannot be used.
  static let badInput: Int32 = 2
  /// An attack was cut short, so that a check can tell neither.
  static let undetermined: Int32 = 3
  /// Stopped by a signal, 128 and its number as shells say it; the best result so far was kept.
  static var interrupted: Int32 { 128 + Interruption.number }
}

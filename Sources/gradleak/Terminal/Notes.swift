import ModelIO
import Synchronization

/// What the user should know besides the result: gathered while a command runs, and said at its end on standard
/// error, each once.
enum Notes {
  private struct Note: Equatable {
    let text: String
    let isWarning: Bool
  }

  private static let waiting = Mutex<[Note]>([])

  /// What is good to know; not said with `--quiet`.
  static func remark(_ sentence: Sentence) { add(sentence.namingOptions, isWarning: false) }

  /// What changes the meaning of the result; said always.
  static func warn(_ sentence: Sentence) { add(sentence.namingOptions, isWarning: true) }

  private static func add(_ text: String, isWarning: Bool) {
    let note = Note(text: text, isWarning: isWarning)
    waiting.withLock { if !$0.contains(note) { $0.append(note) } }
  }

  /// Says all that was gathered, what changes the meaning first.
  ///
  /// - Parameter isQuiet: whether warnings alone are said.
  static func say(isQuiet: Bool) {
    let notes = waiting.withLock { notes in
      defer { notes = [] }
      return notes
    }
    for note in notes where note.isWarning { Terminal.printNote(note.text, head: "warning: ") }
    for note in notes where !note.isWarning && !isQuiet { Terminal.printNote(note.text) }
  }
}

/// A command that `--quiet` makes silent but for its result.
protocol QuietCommand {
  var isQuiet: Bool { get }
}

/// A command with the options of ``OutputOptions``.
protocol ReportingCommand: QuietCommand {
  var output: OutputOptions { get }
}

extension ReportingCommand {
  var isQuiet: Bool { output.quiet }
}

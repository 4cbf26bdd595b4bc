/// A command line that repeats runs.
public struct ReproductionCommand: Sendable, Equatable {
  /// All after `gradleak`.
  public let arguments: [String]
  /// What the command cannot say, if anything.
  public let note: String?

  /// Of the properties of these names.
  public init(arguments: [String], note: String?) {
    self.arguments = arguments
    self.note = note
  }

  /// Makes the commands that repeat experiments: the program's own, since only it knows its options.
  public typealias Maker = @Sendable ([Experiment]) -> [ReproductionCommand]

  /// The command as it is typed into a shell.
  public var line: String { ReproductionCommand.line(["gradleak"] + arguments) }

  /// Words as they are typed into a shell.
  package static func line(_ words: [String]) -> String {
    words.map(quoted).joined(separator: " ")
  }

  /// With the names of files in place of their absolute paths.
  var withoutFolders: ReproductionCommand {
    ReproductionCommand(
      arguments: arguments.map { argument in
        // A path alone may hold anything.
        argument.hasPrefix("/")
          ? argument.split(separator: "/").last.map { $0.description.withoutFolders } ?? ""
          : argument.withoutFolders
      }, note: note)
  }

  /// An argument as a POSIX shell takes it literally.
  private static func quoted(_ argument: String) -> String {
    let harmless = argument.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "_-./,:=+@%".utf8.contains($0)
      }
    }
    guard !harmless || argument.isEmpty else { return argument }
    return "'" + argument.replacing("'", with: "'\\''") + "'"
  }
}

import ArgumentParser
import Audit
import Clients
import Foundation
import ModelIO

/// The program: parses the command line, runs the command, and turns every error into one clear
/// sentence and an exit status.
@main
struct Gradleak: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gradleak",
    abstract: "Shows how much private training data can be read back from shared gradients.",
    discussion: """
      Audit your own systems: gradleak plays the honest-but-curious server that sees one client's \
      gradient, and tells how much of the client's data comes back.

      EXAMPLES
        gradleak demo                             seven bundled photographs
        gradleak demo text                        twenty bundled sentences
        gradleak reconstruct chelsea --out out    the same with a picture of yours
        gradleak audit --out out/audit            the verdict, and what would help
        gradleak report out --out report.html     a page to hand on
      """,
    version: GradleakVersion.current,
    groupedSubcommands: [
      CommandGroup(
        name: "Attack",
        subcommands: [
          DemoCommand.self, ReconstructCommand.self, TextCommand.self, TableCommand.self,
          SignalCommand.self,
          RunCommand.self, MaliciousCommand.self, InferCommand.self, FederationCommand.self,
        ]),
      CommandGroup(
        name: "Verdict",
        subcommands: [
          AuditCommand.self, ReportCommand.self, SweepCommand.self, PriceCommand.self,
          AnalyseCommand.self, RankCommand.self, CheckModelCommand.self, CheckPrivacyCommand.self,
          AuditMechanismCommand.self, BenchCommand.self,
        ]),
      CommandGroup(name: "File", subcommands: [GradientCommand.self, InspectCommand.self]),
      CommandGroup(
        name: "List",
        subcommands: [
          AttacksCommand.self, ModelsCommand.self, DefencesCommand.self, DevicesCommand.self,
          OnnxOperatorsCommand.self, OnnxConformanceCommand.self, SchemaCommand.self,
        ]),
    ])

  static func main() {
    // A closed pipe (`gradleak demo --out out | head`) must not end a run before it has written.
    signal(SIGPIPE, SIG_IGN)
    do {
      try checkCommandName()
      var command = try parseAsRoot(
        HelpLevel.arguments(Array(CommandLine.arguments.dropFirst())))
      let isQuiet = (command as? any QuietCommand)?.isQuiet ?? false
      do {
        try command.run()
      } catch {
        Notes.say(isQuiet: isQuiet)
        throw error
      }
      Notes.say(isQuiet: isQuiet)
    } catch let status as FinishedWithStatus {
      Foundation.exit(status.status)
    } catch {
      finish(with: error)
    }
  }

  /// Refuses an unknown command with the nearest spelling, which ArgumentParser would call an
  /// "unexpected argument".
  private static func checkCommandName() throws {
    guard let name = CommandLine.arguments.dropFirst().first, !name.hasPrefix("-") else { return }
    let names = configuration.subcommands.compactMap { $0.configuration.commandName }
    guard !(names + ["help"]).contains(name) else { return }
    let suggestion = nearestSpelling(to: name, in: names).map { "did you mean \($0)? " } ?? ""
    throw ValidationError(
      "There is no command called \(name.quotedForMessage); \(suggestion)The commands are "
        + names.joined(separator: ", ") + ".")
  }

  private static func finish(with error: any Error) -> Never {
    // Help and version requests are errors to ArgumentParser, but not to the user.
    guard exitCode(for: error) != .success else {
      Terminal.print(
        HelpLevel.completed(fullMessage(for: error), width: Terminal.width(of: STDOUT_FILENO)))
      Foundation.exit(0)
    }
    let words = (error as? any ErrorInWords)?.sentence.namingOptions ?? message(for: error)
    Terminal.printError("gradleak: " + sentence(words))
    if let rows = (error as? FileError)?.table, let head = rows.first {
      var table = TextTable(head.map { ($0, .left) })
      for row in rows.dropFirst() { table.append(row.map(\.escapingControlCharacters)) }
      for line in table.lines(width: Terminal.columns(of: STDERR_FILENO)) {
        Terminal.printError(line)
      }
    }
    let isAboutOptions = exitCode(for: error) == .validationFailure
    if isAboutOptions, let hint = fullMessage(for: error).split(separator: "\n").last {
      Terminal.printError(hint.trimmingCharacters(in: .whitespaces))
    }
    Foundation.exit(ExitStatus.badInput)
  }

  /// A message on one line, with a full stop. Lists of ArgumentParser, one item a line, are joined.
  private static func sentence(_ message: String) -> String {
    let text = message.replacingOccurrences(of: ":\n  - ", with: ": ")
      .replacingOccurrences(of: "\n  - ", with: ", ")
      .escapingControlCharacters
    return text.last.map { ".?!".contains($0) } == true ? text : text + "."
  }
}

/// Ends the program with a status after everything worth saying was said.
struct FinishedWithStatus: Error {
  let status: Int32
}

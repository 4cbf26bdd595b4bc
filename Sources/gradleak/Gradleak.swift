import ArgumentParser
import Audit
import Foundation

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
        gradleak demo                                 seven photographs, read back from gradients
        gradleak reconstruct photo.jpg --out out      the same with your own picture
        gradleak analyse photo.jpg --out out          what the gradient determines, and noise needed
        gradleak models                               the built-in models
      """,
    version: GradleakVersion.current,
    subcommands: [
      DemoCommand.self, ReconstructCommand.self, AnalyseCommand.self, BenchCommand.self,
      ModelsCommand.self,
    ])

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let status as FinishedWithStatus {
      Foundation.exit(status.status)
    } catch {
      finish(with: error)
    }
  }

  private static func finish(with error: any Error) -> Never {
    // Help and version requests are errors to ArgumentParser, but not to the user.
    guard exitCode(for: error) != .success else { exit(withError: error) }
    Terminal.printError("gradleak: " + message(for: error))
    Foundation.exit(ExitStatus.badInput)
  }
}

/// Ends the program with a status after everything worth saying was said.
struct FinishedWithStatus: Error {
  let status: Int32
}

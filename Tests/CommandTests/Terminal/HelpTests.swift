import Foundation
import TestSupport
import Testing

@testable import gradleak

/// The help of every command.
struct HelpTests {
  let folder = TestFolder()

  /// What `--experimental-dump-help` says of a command, as far as it is of use here.
  private struct Command: Decodable {
    struct Argument: Decodable {
      struct Name: Decodable {
        let kind: String
        let name: String
      }

      let names: [Name]?
    }

    let commandName: String
    let subcommands: [Command]?
    let arguments: [Argument]?

    /// This command and those below it, each with the words that call it.
    func all(after words: [String] = []) -> [(words: [String], command: Command)] {
      [(words, self)]
        + (subcommands ?? []).filter { $0.commandName != "help" }.flatMap {
          $0.all(after: words + [$0.commandName])
        }
    }
  }

  private struct Tool: Decodable {
    let command: Command
  }

  private func commands() throws -> [(words: [String], command: Command)] {
    let run = try BuiltTool.run(["--experimental-dump-help"], in: folder.path)
    let tool = try JSONDecoder().decode(Tool.self, from: Data(run.output.utf8))
    let all = tool.command.all()
    #expect(all.count > 25)
    return all
  }

  @Test func theFirstHelpOfEveryCommandIsOnePage() throws {
    for (words, _) in try commands() {
      let run = try BuiltTool.run(["help"] + words, in: folder.path)
      let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(run.status == 0 && lines.count <= 61, "\(words): \(lines.count) lines")
      #expect(lines.allSatisfy { $0.count <= 80 }, "\(words)")
      #expect(run.output.hasSuffix("\n\nAll options: --help-all\n"), "\(words)")
    }
  }

  @Test func theWholeHelpListsEveryOption() throws {
    for (words, command) in try commands() {
      let run = try BuiltTool.run(words + ["--help-all"], in: folder.path)
      #expect(run.status == 0 && run.errors.isEmpty)
      #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(words)")
      for name in (command.arguments ?? []).flatMap({ $0.names ?? [] }) where name.kind == "long" {
        #expect(run.output.contains("--\(name.name)"), "\(words) --\(name.name)")
      }
      let other = try BuiltTool.run(["help"] + words + ["--help-all"], in: folder.path)
      #expect(other.output == run.output)
    }
  }

  /// Three to five examples that paste as they are: the quick ones are run, in the order of the page.
  @Test(arguments: [
    "reconstruct", "gradient", "inspect", "report", "check-model", "rank", "text", "attacks",
    "analyse",
  ])
  func examplesRun(_ command: String) throws {
    let page = try BuiltTool.run(["help", command], in: folder.path).output
    let examples = page.split(separator: "\n").filter { $0.hasPrefix("  gradleak ") }
      .map { $0.components(separatedBy: "    ")[0].dropFirst(2) }
    #expect((3...5).contains(examples.count))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = [
      "-ec", "gradleak() { \"$TOOL\" \"$@\"; }\n" + examples.joined(separator: "\n"),
    ]
    let tool = try BuiltTool.process([], in: folder.path)
    process.environment = (tool.environment ?? [:]).merging(["TOOL": try BuiltTool.url.get().path])
    {
      $1
    }
    process.currentDirectoryURL = tool.currentDirectoryURL
    let errors = Pipe()
    process.standardOutput = FileHandle.nullDevice
    process.standardError = errors
    let said = Capture(errors.fileHandleForReading)
    try BuiltTool.start(process)
    #expect(BuiltTool.finish(process) == 0, "\(command): \(said.text())")
  }

  /// The examples of all commands are right, also those that run for long.
  @Test func examplesParse() throws {
    for (words, _) in try commands() {
      let page = try BuiltTool.run(["help"] + words, in: folder.path).output
      for line in page.split(separator: "\n") where line.hasPrefix("  gradleak ") {
        let text = line.dropFirst(2).components(separatedBy: "   ")[0]
          .components(separatedBy: " > ")[0]
        let arguments = text.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
          .flatMap { index, part in
            index.isMultiple(of: 2) ? part.split(separator: " ").map(String.init) : [String(part)]
          }
        #expect(throws: Never.self, "\(text)") {
          _ = try Gradleak.parseAsRoot(Array(arguments.dropFirst()))
        }
      }
    }
  }
}

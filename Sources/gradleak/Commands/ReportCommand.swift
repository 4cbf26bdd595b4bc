import ArgumentParser
import Audit
import Foundation
import ModelIO

extension Report.Format: ExpressibleByArgument {}

/// A page from records.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Makes one page from the records of runs: verdict, pictures, curves, numbers.",
    discussion: """
      Takes result folders (what --out wrote), run.json and analysis.json files, and results of sweeps \
      (SQLite or JSON). The page is a single file that loads nothing from elsewhere.

      EXAMPLES
        gradleak reconstruct chelsea --out out
        gradleak report out --out report.html
        gradleak report out --format markdown
      """)

  @Argument(
    help: ArgumentHelp("Result folders, records, analyses, sweeps.", valueName: "runs"),
    completion: .file())
  var runs: [String]

  @Option(
    name: [.long, .short],
    help: ArgumentHelp("File for the report; standard output by default.", valueName: "file"),
    completion: .file(extensions: ["html", "json", "csv", "md"]))
  var out: String?

  @Option(help: ArgumentHelp("html, json, csv or markdown.", valueName: "format"))
  var format: Report.Format?

  @Flag(help: "The same as --format json.")
  var json = false

  func validate() throws {
    if let out, out.isEmpty {
      throw ValidationError("--out is empty; give the name of a file for the report.")
    }
    if json, let format, format != .json {
      throw ValidationError("There are --json and --format \(format.rawValue); give one of them.")
    }
    if let out, !json, format == nil, ReportCommand.format(of: out) == nil {
      throw ValidationError(
        "The name \(out.quotedForMessage) does not tell the report's format; let it end in .html, .json, .csv "
          + "or .md, or say --format.")
    }
    if out == nil, chosenFormat == .html {
      throw ValidationError(
        "A page needs a file; give --out report.html, or --format json, csv or markdown.")
    }
  }

  /// As asked for, or as the file's name says.
  private var chosenFormat: Report.Format {
    if json { return .json }
    if let format { return format }
    return out.flatMap(ReportCommand.format) ?? .html
  }

  private static func format(of file: String) -> Report.Format? {
    switch URL(fileURLWithPath: file).pathExtension.lowercased() {
    case "html", "htm": .html
    case "json": .json
    case "csv": .csv
    case "md", "markdown": .markdown
    default: nil
    }
  }

  func run() throws {
    let (report, text) = try whole()
    guard let out else {
      Terminal.write(text, to: .standardOutput)
      return
    }
    try AtomicFile.write(text, to: out, isPrivate: true)
    OutputFolder.adopt(out)
    let verdict = report.verdict
    if !verdict.examples.isEmpty {
      Terminal.printParagraph(
        "\(verdict.grade.title): " + verdict.sentences[0])
    }
    Terminal.print("Wrote \(out).")
  }

  /// The report and its text from folders as they are at one moment: one that is replaced meanwhile is read
  /// again.
  private func whole() throws -> (Report, String) {
    for path in runs { OutputFolder.recover(path) }
    for _ in 0..<20 {
      let before = runs.map(OutputFolder.identity)
      let result = Result { try make() }
      if runs.map(OutputFolder.identity) == before { return try result.get() }
    }
    throw FileError(
      path: runs.joined(separator: ", "), problem: "the results are replaced again and again",
      remedy: "wait until the runs that write them have ended")
  }

  private func make() throws -> (Report, String) {
    var input = ReportInput()
    for path in runs { try input.add(path: path) }
    guard !input.isEmpty else {
      throw FileError(
        path: runs.joined(separator: ", "), problem: "there are no runs in it",
        remedy: "give the results of at least one")
    }
    let report = Report(input, makeCommands: ExperimentCommandLine.commands(for:))
    return (report, try report.text(chosenFormat))
  }
}

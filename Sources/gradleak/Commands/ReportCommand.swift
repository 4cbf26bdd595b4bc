import ArgumentParser
import Audit
import Foundation
import ModelIO

extension Report.Format: ExpressibleByArgument {}

extension ReportDate: ExpressibleByArgument {
  /// Reads "2026-11-28".
  public init?(argument: String) {
    self.init(argument)
  }

  /// The day of `SOURCE_DATE_EPOCH`; nil where it is not set.
  static func ofEnvironment() throws -> ReportDate? {
    guard let text = ProcessInfo.processInfo.environment["SOURCE_DATE_EPOCH"], !text.isEmpty else {
      return nil
    }
    guard let date = ReportDate(epoch: text) else {
      throw ValidationError(
        "SOURCE_DATE_EPOCH is \(text.quotedForMessage); let it be seconds since 1970, or unset it.")
    }
    return date
  }
}

/// A page from records.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Makes one page or PDF of any results, to hand on.",
    discussion: """
      Takes result folders (what --out wrote), run.json and analysis.json files, and results of sweeps \
      (SQLite or JSON). A report begins with a summary in plain words. The page (HTML) is a single file \
      that loads nothing from elsewhere; a PDF is for paper.

      EXAMPLES
        gradleak reconstruct chelsea --out out
        gradleak report out --out report.html
        gradleak report out --out report.pdf --title "The ward's model"
        gradleak report out --format markdown
      """)

  @Argument(
    help: ArgumentHelp("Result folders, records, analyses, sweeps.", valueName: "runs"),
    completion: .file())
  var runs: [String]

  @Option(
    name: [.long, .short],
    help: ArgumentHelp("File for the report; standard output by default.", valueName: "file"),
    completion: .file(extensions: Report.Format.allCases.flatMap(\.fileExtensions)))
  var out: String?

  @Option(help: ArgumentHelp("\(ReportCommand.names).", valueName: "format"))
  var format: Report.Format?

  @Option(
    help: ArgumentHelp(
      "What the report is called; by default after the models.", valueName: "text"))
  var title: String?

  @Option(
    help: ArgumentHelp(
      "Day that the report bears, such as 2026-11-28; by default SOURCE_DATE_EPOCH, else that of the records.",
      valueName: "date"))
  var date: ReportDate?

  @Flag(help: "The same as --format json.")
  var json = false

  /// Such as "html, json, csv, markdown or pdf".
  private static let names = list(Report.Format.allCases.map(\.rawValue))

  private static func list(_ words: [String]) -> String {
    words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
  }

  func validate() throws {
    if let out, out.isEmpty {
      throw ValidationError("--out is empty; give the name of a file for the report.")
    }
    if let title, title.allSatisfy(\.isWhitespace) || title.unicodeScalars.count > 200 {
      throw ValidationError("--title is empty or too long; give up to 200 characters.")
    }
    if json, let format, format != .json {
      throw ValidationError("There are --json and --format \(format.rawValue); give one of them.")
    }
    if let out, !json, format == nil, ReportCommand.format(of: out) == nil {
      let endings = ReportCommand.list(
        Report.Format.allCases.compactMap { $0.fileExtensions.first.map { "." + $0 } })
      throw ValidationError(
        "The name \(out.quotedForMessage) does not tell the report's format; let it end in \(endings), "
          + "or say --format.")
    }
    if out == nil, chosenFormat.needsFile {
      let name = chosenFormat.fileExtensions.first ?? "html"
      let others = Report.Format.allCases.filter { !$0.needsFile }.map(\.rawValue)
      throw ValidationError(
        "A report as \(chosenFormat.rawValue) needs a file; give --out report.\(name), or --format "
          + "\(ReportCommand.list(others)).")
    }
  }

  /// As asked for, or as the file's name says.
  private var chosenFormat: Report.Format {
    if json { return .json }
    if let format { return format }
    return out.flatMap(ReportCommand.format) ?? .html
  }

  private static func format(of file: String) -> Report.Format? {
    let ending = URL(fileURLWithPath: file).pathExtension.lowercased()
    return Report.Format.allCases.first { $0.fileExtensions.contains(ending) }
  }

  func run() throws {
    let (report, file) = try whole()
    guard let out else {
      Terminal.write(file.text, to: .standardOutput)
      return
    }
    try AtomicFile.write(file.bytes, to: out, isPrivate: true)
    OutputFolder.adopt(out)
    for note in file.notes { Terminal.printNote(note) }
    let verdict = report.verdict
    if !verdict.examples.isEmpty {
      Terminal.printParagraph(
        "\(verdict.grade.title): " + verdict.sentences[0])
    }
    Terminal.print("Wrote \(out).")
  }

  /// The report and its file from folders as they are at one moment: one that is replaced meanwhile is read
  /// again.
  private func whole() throws -> (Report, Report.File) {
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

  private func make() throws -> (Report, Report.File) {
    var input = ReportInput()
    for path in runs { try input.add(path: path) }
    guard !input.isEmpty else {
      throw FileError(
        path: runs.joined(separator: ", "), problem: "there are no runs in it",
        remedy: "give the results of at least one")
    }
    let report = Report(
      input, title: title, date: try date ?? ReportDate.ofEnvironment(),
      makeCommands: ExperimentCommandLine.commands(for:))
    return (report, try report.file(chosenFormat))
  }
}

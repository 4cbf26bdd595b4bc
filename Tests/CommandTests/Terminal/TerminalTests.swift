import Audit
import Foundation
import ModelIO
import TestSupport
import Testing

/// How the tool behaves towards terminals, pipes and signals.
struct TerminalTests {
  let folder = TestFolder()

  init() { folder.picture("photo-57x37.png") }

  @Test(arguments: [
    [], ["demo"], ["demo", "photographs"], ["demo", "text"], ["reconstruct"], ["models"], ["text"],
  ])
  func helpOfEveryCommand(_ command: [String]) throws {
    for arguments in [command + ["--help"], command + ["-h"], ["help"] + command] {
      let run = try BuiltTool.run(arguments, in: folder.path)
      #expect(run.status == 0)
      #expect(run.errors.isEmpty)
      #expect(run.output.contains("EXAMPLES\n  gradleak "))
      #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }
  }

  @Test func versionAlone() throws {
    let run = try BuiltTool.run(["--version"], in: folder.path)
    #expect(run.status == 0 && run.output == GradleakVersion.current + "\n")
  }

  /// Standard output in a terminal.
  @Test(arguments: [
    ([:], true), (["NO_COLOR": ""], true), (["NO_COLOR": "1"], false), (["TERM": "dumb"], false),
  ])
  func colors(_ environment: [String: String], _ isColored: Bool) throws {
    let terminal = try PseudoTerminal()
    let process = try BuiltTool.process(
      ["reconstruct", "photo.png", "--attack", "peeling", "--size", "8"], in: folder.path,
      environment: environment)
    process.standardOutput = terminal.inside
    try BuiltTool.start(process)
    terminal.closeInside()
    #expect(BuiltTool.finish(process) == 0)
    let text = terminal.capture.text()
    #expect(text.contains("Recovered 1 of 1"))
    #expect(text.contains("\u{1B}[") == isColored)
  }

  @Test func pipesAreNeverColored() throws {
    let run = try BuiltTool.run(
      ["reconstruct", "photo.png", "--attack", "peeling", "--size", "8"], in: folder.path)
    #expect(run.output.contains("Recovered 1 of 1"))
    #expect(!run.output.contains("\u{1B}") && !run.errors.contains("\u{1B}"))
  }

  /// Ctrl-C in the middle of a long search: the best so far is written, complete.
  @Test func interruptionKeepsTheResults() throws {
    let terminal = try PseudoTerminal()
    let process = try BuiltTool.process(
      [
        "reconstruct", "photo.png", "photo.png", "--size", "8", "--threshold", "0", "--trials",
        "1000000", "--out", "out",
      ], in: folder.path)
    process.standardError = terminal.inside
    let output = Pipe()
    process.standardOutput = output
    let printed = Capture(output.fileHandleForReading)
    try BuiltTool.start(process)
    terminal.closeInside()
    // Progress is shown once the search is on its way.
    #expect(terminal.capture.text(untilContaining: "loss ").contains("[1/2] photo"))
    kill(process.processIdentifier, SIGINT)
    #expect(BuiltTool.finish(process) == 130)
    let end = terminal.capture.text().suffix(200)
    #expect(end.contains("Interrupted; this is the best so far."))
    #expect(printed.text().contains("photo "))

    let records = try JSONDecoder().decode(
      [RunRecord].self, from: Data(bytes(of: folder("out/run.json"))))
    #expect(records.count == 1)
    #expect(records[0].trials.last?.reason == .interrupted)
    let names = listing(of: folder("out")).keys.sorted()
    #expect(
      names.filter { !$0.hasSuffix("snapshots.png") } == [
        "contact-sheet.png", "photo-original.png", "photo-reconstruction.npy",
        "photo-reconstruction.png", "run.json", "timing.json", "trace.csv",
      ])
    for name in names where name.hasSuffix(".png") {
      #expect(throws: Never.self) { try Image(contentsOf: folder("out/" + name)) }
    }
  }

  /// A progress line that wraps cannot be redrawn.
  @Test func progressFitsTheTerminal() throws {
    folder.picture("rgb.png", as: "a-picture-with-a-rather-long-name.png")
    let terminal = try PseudoTerminal()
    let process = try BuiltTool.process(
      [
        "reconstruct", "a-picture-with-a-rather-long-name.png", "--size", "8", "--threshold", "0",
        "--trials", "1000", "--time-limit", "0.5",
      ], in: folder.path)
    process.standardError = terminal.inside
    try BuiltTool.start(process)
    terminal.closeInside()
    #expect(BuiltTool.finish(process) == 0)
    let redrawn = terminal.capture.text().components(separatedBy: "\r\u{1B}[K")
    #expect(redrawn.count > 2)
    #expect(redrawn.allSatisfy { $0.count < 80 && !$0.contains("\n") })
    #expect(redrawn[1].contains("loss "))
    // The line is gone in the end.
    #expect(redrawn.last?.isEmpty == true)
  }

  /// `gradleak ... | head` and the like: no complaint, and the results are written all the same.
  @Test func aClosedPipeIsNoError() throws {
    for arguments in [
      ["models"], ["--help"],
      ["reconstruct", "photo.png", "--attack", "peeling", "--size", "8", "--out", "out"],
    ] {
      let process = try BuiltTool.process(arguments, in: folder.path)
      let (output, errors) = (Pipe(), Pipe())
      process.standardOutput = output
      process.standardError = errors
      try output.fileHandleForReading.close()
      let complaints = Capture(errors.fileHandleForReading)
      try BuiltTool.start(process)
      #expect(BuiltTool.finish(process) == 0)
      #expect(complaints.text().isEmpty)
    }
    #expect(listing(of: folder("out")).keys.contains("run.json"))
  }
}

import Foundation
import TestSupport
import Testing

/// Signals end a search as Ctrl-C does: with its best result so far.
struct SignalTests {
  let folder = TestFolder()

  init() { folder.picture("photo-57x37.png") }

  /// What runs for hours, and what it leaves.
  private static let searches: [(arguments: String, file: String?)] = [
    ("reconstruct photo.png --size 8 --threshold 0 --trials 1000000 --out out", "out/run.json"),
    ("demo --size 8 --threshold 0 --trials 1000000 --out out", "out/run.json"),
    ("demo text --attack dlg --iterations 10000000 --out out", "out/run.json"),
    (
      "audit photo.png --size 8 --budget 100000 --defences none --threshold 0 --out out",
      "out/run.json"
    ),
    ("bench success --size 8 --threshold 0 --trials 1000000 --out out", "out/run.json"),
    (
      "sweep --defence none --attack dlg --size 8 --seeds 2000 --trials 1000000 --iterations 1000000 --threads 1 "
        + "--results out.sqlite", "out.sqlite"
    ),
    ("bench labels --batches 100000 --out out", "out/labels.json"),
    ("price --rounds 1000000", nil),
  ]

  @Test(arguments: searches.indices, [SIGTERM, SIGHUP])
  func aSignalKeepsTheResults(_ index: Int, _ signal: Int32) throws {
    let search = SignalTests.searches[index]
    let terminal = try PseudoTerminal()
    let process = try BuiltTool.process(
      search.arguments.split(separator: " ").map(String.init), in: folder.path)
    process.standardError = terminal.inside
    try BuiltTool.start(process)
    terminal.closeInside()
    // Progress is shown once the search is on its way.
    _ = terminal.capture.text(untilContaining: "\u{1B}[")
    usleep(300_000)
    kill(process.processIdentifier, signal)
    #expect(BuiltTool.finish(process) == 128 + signal)
    #expect(terminal.capture.text().contains("Interrupted"))
    guard let file = search.file else { return }
    #expect(FileManager.default.fileExists(atPath: folder(file)))
    #expect(folder.contents.filter { $0.hasPrefix(".") } == [])
  }

  /// A program that is started with nohup outlives its terminal.
  @Test func anIgnoredHangupStaysIgnored() throws {
    let process = try BuiltTool.process(
      ["-c", "trap '' HUP; kill -HUP $$; exec \"$0\" \"$@\"", try BuiltTool.url.get().path]
        + "reconstruct photo.png --size 8 --threshold 0 --trials 1000000 --time-limit 3 --quiet"
        .split(
          separator: " "
        ).map(String.init), in: folder.path)
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    try BuiltTool.start(process)
    usleep(1_000_000)
    kill(process.processIdentifier, SIGHUP)
    #expect(BuiltTool.finish(process) == 0)
  }
}

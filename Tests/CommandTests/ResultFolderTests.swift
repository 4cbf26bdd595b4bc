import Audit
import Foundation
import TestSupport
import Testing

/// A folder of results is one unit for every command that writes one.
struct ResultFolderTests {
  let folder = TestFolder()

  private func run(_ arguments: String, _ status: Int32 = 0) throws -> ToolRun {
    let run = try BuiltTool.run(
      arguments.split(separator: " ").map(String.init), in: folder.path)
    #expect(run.status == status, "\(arguments): \(run.errors)")
    return run
  }

  private static let peeling =
    "reconstruct coffee --attack peeling --size 8 --quiet --threads 1 --out out"

  /// Whatever wrote the folder before, a newer run leaves nothing of it, and a report knows nothing of it.
  @Test(arguments: [
    "demo --attack peeling --size 8 --quiet --out out",
    "audit chelsea --size 8 --defences fp16 --budget 4 --threads 1 --quiet --out out",
    "analyse chelsea --size 6 --quiet --out out",
    "bench labels --models lenet --batch-sizes 1 --batches 1 --quiet --out out",
    "malicious --method trap-weights --model mlp --images 4 --quiet --out out",
    "bench success --attack peeling --size 8 --runs 2 --quiet --out out",
  ])
  func aNewerRunReplacesAll(_ older: String) throws {
    _ = try run(older)
    if older.hasPrefix("audit") || older.hasPrefix("demo") {
      _ = try run("report out --out out/report.html")
    }
    let wrote = try run(ResultFolderTests.peeling)
    #expect(wrote.output.contains("The folder holds private data; only you can read it."))
    #expect(
      listing(of: folder("out")).keys.sorted() == [
        "coffee-original.png", "coffee-reconstruction.npy", "coffee-reconstruction.png",
        "contact-sheet.png", "run.json", "timing.json", "trace.csv",
      ])
    #expect(folder.contents == ["out"])
    let report = try run("report out --format markdown").output
    #expect(report.contains("coffee") && !report.contains("chelsea") && !report.contains("fp16"))
  }

  @Test func aFolderOfTheUsersIsNotReplaced() throws {
    _ = try run(ResultFolderTests.peeling)
    _ = folder.file("out/notes.txt", [1])
    let before = listing(of: folder("out"))
    for command in [
      ResultFolderTests.peeling, "demo --size 8 --attack peeling --out out",
      "analyse chelsea --size 6 --out out",
      "audit chelsea --budget 2 --out out", "demo text --out out", "bench labels --out out",
      "bench encodings --out out", "malicious --out out",
    ] {
      let refused = try run(command, 2)
      #expect(
        refused.errors.contains("notes.txt") && refused.errors.contains("--force"), "\(command)")
      #expect(listing(of: folder("out")) == before)
    }
    let forced = try run(ResultFolderTests.peeling + " --force")
    #expect(forced.output.contains("out.before-1"))
    #expect(listing(of: folder("out.before-1")) == before)
  }

  @Test func resultsThatAreInputsAreNotReplaced() throws {
    _ = try run(ResultFolderTests.peeling)
    let refused = try run(
      "reconstruct out/coffee-original.png --attack peeling --size 8 --out out", 2)
    #expect(refused.errors.contains("lies in out"))
  }

  @Test func reportsHaveTheFormatOfTheirNames() throws {
    _ = try run(ResultFolderTests.peeling)
    for name in ["x.odt", "x.docx", "x"] {
      #expect(
        try run("report out --out \(name)", 2).errors.contains("does not tell the report's format"))
    }
    _ = try run("report out --format html --out x.pdf")
    #expect(folder.contents == ["out", "x.pdf"])
  }

  @Test func contactSheetsAreWrittenAfterLocalSteps() throws {
    _ = try run(
      "reconstruct coffee --attack dlg --size 8 --iterations 3 --trials 1 --epochs 2 --learning-rate 0.1 --quiet "
        + "--out out")
    #expect(listing(of: folder("out")).keys.contains("contact-sheet.png"))
  }

  @Test func pixelsAreReadWithinABound() throws {
    let path = folder.file("huge.u8", [])
    truncate(path, 20 << 30)
    #expect(try run("bench success --fashion huge.u8", 2).errors.contains("more than the 54880000"))
    _ = folder.file("x.gz", [0x1F, 0x8B, 8, 0])
    #expect(try run("bench success --fashion x.gz", 2).errors.contains("gzip"))
    #expect(try run("malicious --fashion none.u8", 2).errors.contains("no such file"))
  }

  /// With little memory there is an estimate, or a sentence; never a trap.
  @Test(arguments: [300_000, 400_000, 500_000, 700_000, 1_000_000])
  func analysisInLittleMemory(_ kilobytes: Int) throws {
    let process = try BuiltTool.process(
      [
        "-c", "ulimit -v \(kilobytes); exec \"$0\" analyse chelsea coffee --threads 1 --quiet",
        try BuiltTool.url.get().path,
      ], in: folder.path)
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    try BuiltTool.start(process)
    let status = try #require(BuiltTool.finish(process))
    #expect(status == 0 || status == 2)
  }
}

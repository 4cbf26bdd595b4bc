import Audit
import Foundation
import ModelIO
import Solvers
import TestSupport
import Testing

/// `gradleak sweep` as a program that is killed, interrupted and given bad files.
@Suite(.serialized) struct SweepCommandTests {
  private let folder = TestFolder()

  /// 42 runs of some ten milliseconds each.
  private let options = [
    "--defence", "none", "--defence", "prune:0.2", "--defence", "gaussian:1e-3", "--size", "10",
    "--seeds", "2", "--iterations", "60", "--quiet",
  ]

  private func sweep(_ file: String, _ more: [String] = []) throws -> ToolRun {
    try BuiltTool.run(["sweep"] + options + ["--results", folder(file)] + more, in: folder.path)
  }

  private func records(_ file: String) throws -> [RunRecord] {
    try SweepStore(path: folder(file)).entries().map(\.record)
  }

  /// Killed at twenty random moments, a sweep ends with the results of an undisturbed one.
  @Test func aKilledSweepLosesNothing() throws {
    let started = Date()
    #expect(try sweep("whole.sqlite").status == 0)
    let duration = Date().timeIntervalSince(started)
    let whole = try records("whole.sqlite")
    #expect(whole.count == 42)
    var moments = RandomSource(seed: 20)
    var counts: [Int] = []
    for _ in 0..<20 {
      let process = try BuiltTool.process(
        ["sweep"] + options + ["--results", folder("killed.sqlite")], in: folder.path)
      try BuiltTool.start(process)
      usleep(UInt32(1e6 * moments.uniform(in: 0.005..<max(duration / 10, 0.05))))
      kill(process.processIdentifier, SIGKILL)
      _ = BuiltTool.finish(process)
      guard FileManager.default.fileExists(atPath: folder("killed.sqlite")) else { continue }
      let kept = try records("killed.sqlite")
      // Whatever was there stays, and all of it is part of the whole.
      #expect(kept.count >= counts.last ?? 0)
      #expect(kept.allSatisfy(whole.contains))
      counts.append(kept.count)
    }
    #expect(!counts.isEmpty)
    #expect(try sweep("killed.sqlite").status == 0)
    #expect(try records("killed.sqlite") == whole)
  }

  @Test func twoSweepsOnOneFileRecordEachRunOnce() throws {
    let processes = try (0..<2).map { _ in
      try BuiltTool.process(
        ["sweep"] + options + ["--results", folder("both.sqlite")], in: folder.path)
    }
    for process in processes { try BuiltTool.start(process) }
    for process in processes { #expect(BuiltTool.finish(process) == 0) }
    #expect(try records("both.sqlite").count == 42)
  }

  @Test func aFullDiskKeepsEarlierResults() throws {
    let few = ["sweep", "--defence", "none"] + options.dropFirst(6)
    let first = try BuiltTool.run(few + ["--results", folder("disk.sqlite")], in: folder.path)
    #expect(first.status == 0)
    let before = try records("disk.sqlite")
    let tool = try BuiltTool.url.get().path
    // A limit on the size of files, which is a full disk to whom ignores its signal.
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    let blocks = bytes(of: folder("disk.sqlite")).count / 512
    let line = (["sweep"] + options + ["--results", folder("disk.sqlite")]).joined(separator: " ")
    shell.arguments = ["-c", "trap '' XFSZ; ulimit -f \(blocks); exec '\(tool)' \(line)"]
    let errors = Pipe()
    shell.standardError = errors
    shell.standardOutput = FileHandle.nullDevice
    let reader = Capture(errors.fileHandleForReading)
    try BuiltTool.start(shell)
    #expect(BuiltTool.finish(shell) == 2)
    let message = reader.text()
    #expect(message.contains("earlier") || message.contains("kept"), "\(message)")
    #expect(message.split(separator: "\n").count == 1)
    let after = try records("disk.sqlite")
    #expect(before.allSatisfy(after.contains))
    #expect(try sweep("disk.sqlite").status == 0)
    #expect(try records("disk.sqlite").count == 42)
  }

  @Test func badInputsAreOneSentence() throws {
    folder.file("empty.sqlite", [])
    folder.file("foreign.sqlite", [UInt8]("a,b\n".utf8))
    folder.file("plan.yml", [UInt8]("defense: none".utf8))
    let cases: [([String], String)] = [
      (["--results", folder("empty.sqlite")] + options, "empty"),
      (["--results", folder("foreign.sqlite")] + options, "no results of a sweep"),
      (["--images", folder("missing")] + options, "folder of images"),
      ([folder("plan.yml")], "did you mean defences?"),
      (["--preset", "paper"], "the presets are dlg-paper"),
      (["--defence", "fp17"], "did you mean fp16?"),
      (["--attack", "atuo"], "did you mean auto?"),
      (["--defence", "none", "--model", "lenett"], "lenet"),
      (["--results", folder("nothing.sqlite")], "nothing to run"),
      (["--defence", "none", "--size", "0"], "--size is 0"),
    ]
    for (arguments, part) in cases {
      let run = try BuiltTool.run(["sweep"] + arguments, in: folder.path)
      #expect(run.status == 2, "\(arguments)")
      #expect(run.errors.contains(part), "\(run.errors)")
      #expect(run.output.isEmpty)
    }
    #expect(!FileManager.default.fileExists(atPath: folder("nothing.sqlite")))
    #expect(bytes(of: folder("foreign.sqlite")) == [UInt8]("a,b\n".utf8))
  }

  @Test func reportsAreMadeOfWhatIsThere() throws {
    #expect(try sweep("some.sqlite", ["--csv", folder("cells.csv")]).status == 0)
    #expect(String(decoding: bytes(of: folder("cells.csv")), as: UTF8.self).hasPrefix("model,size"))
    let run = try BuiltTool.run(
      ["sweep", "--results", folder("some.sqlite"), "--json"], in: folder.path)
    #expect(run.status == 0)
    let report = try JSONDecoder().decode(SweepReport.self, from: Data(run.output.utf8))
    #expect(report.cells.map(\.runs) == [14, 14, 14])
  }

  @Test func defencesAreListedAndUsed() throws {
    let list = try BuiltTool.run(["defences", "--json"], in: folder.path)
    #expect(list.status == 0 && list.output.contains("\"gaussian:VARIANCE\""))
    let demo = try BuiltTool.run(
      [
        "demo", "--size", "10", "--attack", "auto", "--defence", "prune:0.2", "--defence", "fp16",
        "--iterations", "20", "--trials", "1", "--json", "-q",
      ], in: folder.path)
    #expect(demo.status == 0)
    let records = try RunRecord.read(bytes: [UInt8](demo.output.utf8), path: "demo")
    #expect(records[0].defence?.chain.description == "prune:0.2+fp16")
    let wrong = try BuiltTool.run(["demo", "--defence", "fp15"], in: folder.path)
    #expect(wrong.status == 2 && wrong.errors.contains("did you mean fp16?"))
  }

  @Test func trainingHasAPrice() throws {
    let run = try BuiltTool.run(
      [
        "price", "--rounds", "3", "--crops", "4", "--batch-size", "5", "--size", "9", "--width",
        "2",
        "--defence", "fp16", "--defence", "dp-sgd:1,1.1", "--defence", "soteria:0.5", "--defence",
        "lora:2", "--defence", "mixup", "--defence", "instahide:2", "--defence", "transform:3-1-7",
        "--defence", "secure-aggregation:2", "--defence", "precode:4", "--json", "-q",
      ], in: folder.path)
    #expect(run.status == 0)
    let report = try JSONDecoder().decode(PriceReport.self, from: Data(run.output.utf8))
    #expect(
      report.rows.map(\.defence.description) == [
        "none", "fp16", "dp-sgd:1,1.1", "soteria:0.5", "lora:2", "mixup:1", "instahide:2",
        "transform:3-1-7", "secure-aggregation:2", "precode:4",
      ])
    #expect(report.rows.allSatisfy { $0.result.trainingLoss.value.isFinite })
    let sent = report.rows.map(\.result.wireByteCount)
    #expect(sent[3] < sent[0] && sent[4] < sent[0] && sent[9] > sent[0])
    #expect([5, 6, 7, 8].allSatisfy { sent[$0] == sent[0] })
    #expect(2 * report.rows[1].result.wireByteCount == report.rows[0].result.wireByteCount)
    #expect((report.rows[2].epsilon?.value ?? 0) > 0)
  }

  @Test func manyEncodingsAreDecoded() throws {
    let arguments = ["bench", "encodings", "--mixed", "2", "--encodings", "28", "-q", "--json"]
    let run = try BuiltTool.run(arguments, in: folder.path)
    #expect(run.status == 0)
    let benchmark = try JSONDecoder().decode(EncodingBenchmark.self, from: Data(run.output.utf8))
    #expect(benchmark.rows.map(\.recognisable) == [7])
    let wrong = try BuiltTool.run(["bench", "encodings", "--mixed", "1"], in: folder.path)
    #expect(wrong.status == 2 && wrong.errors.contains("from 2 to 6"))
    let few = try BuiltTool.run(["bench", "encodings", "--encodings", "9"], in: folder.path)
    #expect(few.status == 2 && few.errors.contains("too few"))
  }
}

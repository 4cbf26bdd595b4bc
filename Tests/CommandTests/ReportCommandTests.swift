import Audit
import Foundation
import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import gradleak

/// `gradleak report` and `gradleak audit` as they are used.
struct ReportCommandTests {
  let folder = TestFolder()

  /// A search that is over in a moment, on pictures of 16 pixels.
  private let fastSearch = [
    "--attack", "dlg", "--size", "16", "--classes", "5", "--iterations", "30", "--trials", "1",
    "--snapshots", "4", "--quiet", "--threads", "1",
  ]

  private func run(_ arguments: [String], status: Int32 = 0) throws -> ToolRun {
    let run = try BuiltTool.run(arguments, in: folder.path)
    #expect(run.status == status, "\(run.errors)")
    return run
  }

  @Test func aPageIsMadeFromAFolder() throws {
    _ = try run(["reconstruct", "chelsea", "--out", "out"] + fastSearch)
    let report = try run(["report", "out", "--out", "report.html"])
    #expect(report.output.contains("No grade") && report.output.contains("Wrote report.html"))
    let page = String(decoding: bytes(of: folder("report.html")), as: UTF8.self)
    #expect(page.contains("Snapshots over iterations") && page.contains("class=\"chart\""))
    #expect(page.contains("gradleak reconstruct chelsea --labels "))
    for (format, start) in [("json", "{"), ("csv", "image,"), ("markdown", "# No grade")] {
      #expect(try run(["report", "out", "--format", format]).output.hasPrefix(start))
    }
    _ = try run(["report", "out", "--out", "report.md"])
    #expect(bytes(of: folder("report.md")).starts(with: Array("# No grade".utf8)))
  }

  @Test func reportsBearATitleAndADay() throws {
    _ = try run(["reconstruct", "chelsea", "--out", "out"] + fastSearch)
    let title = ["--title", "Ward 7", "--date", "2026-11-28"]
    for name in ["a.pdf", "b.pdf", "c.html"] {
      _ = try run(["report", "out", "--out", name] + title)
      let mode = try FileManager.default.attributesOfItem(atPath: folder(name))[.posixPermissions]
      #expect(mode as? Int == 0o600, "\(name)")
    }
    let pdf = bytes(of: folder("a.pdf"))
    #expect(pdf.starts(with: Array("%PDF-1.7".utf8)) && pdf == bytes(of: folder("b.pdf")))
    let page = String(decoding: bytes(of: folder("c.html")), as: UTF8.self)
    #expect(page.contains("<strong>Ward 7</strong><br>28 November 2026"))
    func markdown(_ epoch: String, status: Int32 = 0) throws -> ToolRun {
      let run = try BuiltTool.run(
        ["report", "out", "--format", "markdown"], in: folder.path,
        environment: ["SOURCE_DATE_EPOCH": epoch])
      #expect(run.status == status, "\(run.errors)")
      return run
    }
    #expect(try markdown("1700000000").output.contains(", 14 November 2023"))
    #expect(try markdown("soon", status: 2).errors.contains("SOURCE_DATE_EPOCH is \"soon\""))
  }

  /// In a real browser, by `make test-integrations`.
  @Test(needsIntegrations) func pagesAreGoodInABrowser() throws {
    _ = try run(["reconstruct", "chelsea", "coffee", "--out", "out", "--seed", "3"] + fastSearch)
    _ = try run([
      "reconstruct", "chelsea", "--out", "noisy", "--defence", "gaussian:1e-3", "--attack",
      "linear",
      "--model", "mlp", "--quiet",
    ])
    _ = try run(["report", "out", "noisy", "--out", "report.html"])
    let script = URL(fileURLWithPath: fixtures).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("scripts/checks/report.py").path
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", script, folder("report.html")]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    let capture = Capture(output.fileHandleForReading)
    try BuiltTool.start(process)
    let status = BuiltTool.finish(process)
    #expect(status == 0, "\(capture.text())")
  }

  @Test(arguments: [
    (["report"], "Missing expected argument"), (["report", "missing"], "there is no such file"),
    (["report", "missing"], "missing: "), (["report", "empty", "--format", "csv"], "empty"),
    (["report", "text", "--format", "csv"], "no records"),
    (["report", "newer", "--format", "csv"], "newer gradleak"),
    (["report", ".", "--format", "csv"], "no run.json"),
    (["report", "none.json", "--format", "csv"], "no runs"),
    (["report", "text"], "give --out report.html"), (["report", "text", "--format", "pdf"], "pdf"),
    (["report", "text", "--format", "pdf"], "needs a file; give --out report.pdf"),
    (["report", "text", "--json", "--format", "csv"], "give one of them"),
    (["report", "text", "--format", "csv", "--date", "tomorrow"], "tomorrow"),
    (["report", "text", "--format", "csv", "--title", " "], "--title is empty"),
    (["audit", "missing.png"], "there is no such file"),
    (["audit", "--defences", "gausian"], "did you mean gaussian"),
    (["audit", "--fail-above", "G"], "G"), (["audit", "--budget", "0"], "--budget is 0"),
    (["audit", "--out", "text"], "a file, not a folder"),
    (["audit", "coffee", "--labels", "3,7"], "2 of them for 1 pictures"),
    (["audit", "coffee", "--labels", "cat"], "cat"),
  ])
  func wrongInputIsRefusedInASentence(_ arguments: [String], _ words: String) throws {
    folder.file("empty", [])
    folder.file("text", Array("text".utf8))
    folder.file("newer", Array("[{\"version\": 9}]".utf8))
    folder.file("none.json", Array("[]".utf8))
    let before = listing(of: folder.path)
    let out = arguments.contains("--format") || arguments.count == 1 ? [] : ["--quiet"]
    let extra = arguments[0] == "audit" ? out : (arguments.contains("missing") ? ["--json"] : [])
    let run = try run(arguments + extra, status: 2)
    #expect(run.output.isEmpty && listing(of: folder.path) == before)
    #expect(run.errorLines.first?.contains(words) == true, "\(run.errors)")
    #expect(run.errorLines.count <= 2)
  }

  // MARK: - Audit

  private let fastAudit = [
    "audit", "chelsea", "--model", "mlp", "--size", "8", "--classes", "4", "--quiet", "--threads",
    "1", "--budget", "40",
  ]

  @Test func anAuditEndsWithAGradeAndAReport() throws {
    let run = try run(fastAudit + ["--defences", "fp16,prune", "--out", "out"])
    #expect(run.output.hasPrefix("Grade F: Images come back in full."))
    #expect(run.output.contains("fp16") && run.output.contains("prune:"))
    #expect(run.output.contains("Not tested:"))
    let files = listing(of: folder("out")).keys
    for name in ["report.html", "run.json", "defences.json", "chelsea-original.png"] {
      #expect(files.contains(name), "\(name)")
    }
    let defended = try RunRecord.read(contentsOf: folder("out/defences.json"))
    #expect(defended.allSatisfy { $0.defence != nil } && !defended.isEmpty)
    // The report of the folder is the audit's, but for what only the audit knew.
    let json = try self.run(["report", "out", "--json"]).output
    #expect(json.contains("\"grade\" : \"F\"") && json.contains("fp16"))
  }

  @Test func anAuditTakesArraysAndTheirLabels() throws {
    for (name, value) in [("x1", 0.25), ("x2", 0.5)] {
      let image = (0..<192).map { value + Double($0 % 7) / 20 }
      folder.file("\(name).npy", NPYFile.bytes(Tensor([3, 8, 8], .f64, image)))
    }
    let run = try run([
      "audit", "x1.npy", "x2.npy", "--labels", "3,1", "--batch-size", "1", "--model", "mlp",
      "--size", "8", "--classes", "4", "--defences", "none", "--budget", "40", "--out", "out",
      "--quiet", "--threads", "1",
    ])
    #expect(run.output.hasPrefix("Grade F"))
    let records = try RunRecord.read(contentsOf: folder("out/run.json"))
    #expect(records.map { $0.images[0].trueLabel } == [3, 1])
    #expect(records.map { $0.experiment?.data.labels?.map(\.text) } == [["3"], ["1"]])
  }

  @Test func aLimitSetsTheStatus() throws {
    let audit = fastAudit + ["--defences", "none"]
    #expect(
      try run(audit + ["--fail-above", "E"], status: 1).errors.contains("worse than the E"))
    #expect(try run(audit + ["--fail-above", "20dB"], status: 1).errors.contains("20.0 dB"))
    _ = try run(audit + ["--fail-above", "F"])
    _ = try run(audit + ["--fail-above", "1000"])
  }

  /// What was cut short is no pass under any limit, and has a status of its own.
  @Test func whatIsUndeterminedIsNoPass() throws {
    let audit = [
      "audit", "chelsea", "--defences", "none", "--attack", "dlg", "--quiet", "--threads", "1",
    ]
    let cut = audit + ["--iterations", "2", "--trials", "1"]
    for limit in ["A", "F", "20dB"] {
      let run = try run(cut + ["--fail-above", limit], status: 3)
      #expect(run.errors.contains("undetermined for 1 of 1 images"))
      #expect(run.output.hasPrefix("No grade"))
    }
    _ = try run(cut)
    #expect(try run(cut + ["--json"]).output.contains("\"grade\" : \"not shown\""))
  }

  @Test func limitsAreRead() {
    #expect(LeakLimit(argument: "c") == .grade(.C))
    #expect(LeakLimit(argument: "22.5 dB") == .decibels(22.5))
    #expect(LeakLimit(argument: "-3") == .decibels(-3))
    for text in ["", "G", "AB", "dB", "nan", "inf dB"] {
      #expect(LeakLimit(argument: text) == nil)
    }
  }
}

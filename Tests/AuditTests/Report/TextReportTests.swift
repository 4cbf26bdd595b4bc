import Attacks
import Clients
import Foundation
import ModelIO
import TestSupport
import Testing
import Texts

@testable import Audit

/// Runs on texts in reports.
@Suite struct TextReportTests {
  private func record(
    _ original: String, _ recovered: String, course: [TextDetails.Step]? = nil
  ) -> RunRecord {
    var record = RunRecord(
      tool: "0.1.0", configuration: AttackConfiguration(.dlg as TextAttackKind),
      model: ModelSummary(
        name: "bert", activation: "gelu", inputShape: [12], classCount: 2, parameterCount: 9,
        weights: .other("bundled"), fingerprint: "w"),
      update: UpdateSummary(
        kind: "gradient", loss: "crossEntropy", batchSize: 1, localSteps: 1, norm: 1,
        fingerprint: original),
      threatModel: ThreatModel(),
      trials: [
        TrialRecord(
          method: "dlg", reason: .converged, iterations: 400, evaluations: 400, matchingLoss: 1e-9)
      ], bestTrial: 0, matchingLoss: 1e-9, trace: [])
    var example = ExampleResult(
      name: "text-1", original: original, recovered: recovered,
      level: original == recovered ? .full : .nothing, score: 0.25,
      measures: ["tokenAccuracy": 0.5, "rouge1": 0.25],
      baselines: [ExampleResult.Guess(name: "frequent tokens", score: 0.125)])
    example.fingerprint = original
    record.kind = .texts
    record.examples = [example]
    record.method = "dlg"
    record.relativeDistance = JSONNumber(1e-9)
    record.isCertain = original == recovered
    record.text = TextDetails(head: "classification")
    record.text?.course = course
    return record
  }

  private func report(_ records: [RunRecord]) -> Report {
    Report(ReportInput(records: records, folder: nil, path: "run.json"))
  }

  @Test func showsTextsBesideWhatCameBack() throws {
    let steps = (0...30).map {
      TextDetails.Step(iteration: 10 * $0, loss: 1 / Double($0 + 1), texts: ["word \($0)"])
    }
    let page = try report([record("my secret", "my secret", course: steps), record("a", "b")])
      .text(.html)
    #expect(page.contains("<h1>1 of 2 private texts came back in full</h1>"))
    #expect(page.contains("Sentence by iteration"))
    #expect(page.contains("word 0") && page.contains("word 30"))
    // Ten of 31 iterations, evenly spread.
    #expect(page.components(separatedBy: "class=\"text\">word ").count == 11)
    #expect(
      page.contains("frequent tokens have 0.12") || page.contains("frequent tokens have 0.13"))
    #expect(page.contains("Grade F: Texts come back in full"))
    let markdown = try report([record("a", "a")]).text(.markdown)
    #expect(markdown.hasPrefix("# Grade F: Texts come back in full"))
    #expect(markdown.contains("| a | a | dlg | 0 | none | 0.25 | in full |"))
    let csv = try report([record("a, b", "a")]).text(.csv)
    #expect(csv.contains("\"a, b\",a\n") && csv.hasPrefix("example,model,"))
  }

  @Test func textsAreShownAsText() throws {
    let hostile = "<script>alert(1)</script>\"\u{202E}|`x`"
    let step = TextDetails.Step(iteration: 0, loss: .nan, texts: [hostile])
    let page = try report([record(hostile, hostile, course: [step, step])]).text(.html)
    #expect(!page.contains("<script") && !page.contains("\u{202E}"))
    #expect(page.contains("&lt;script&gt;"))
  }

  @Test func filesAreReadAndChecked() throws {
    let folder = TestFolder()
    func read(_ records: [RunRecord]) throws -> ReportInput {
      try AtomicFile.write(ResultWriter.json(records), to: folder("run.json"))
      var input = ReportInput()
      try input.add(path: folder.path)
      return input
    }
    folder.file("text.json", Array("[]".utf8))
    #expect {
      var input = ReportInput()
      try input.add(path: folder.path)
    } throws: {
      "\($0)".contains("an older gradleak's")
    }
    let good = record("a", "b")
    #expect(try read([good]).records == [good])
    let text = String(decoding: bytes(of: folder("run.json")), as: UTF8.self)
    #expect(text.contains("\"texts\" : [") && !text.contains("\"images\""))
    var newer = good
    newer.version = RunRecord.currentVersion + 1
    var wrong = good
    wrong.examples[0].measures["rouge1"] = JSONNumber(7)
    for records in [[newer], [wrong]] {
      #expect(throws: FileError.self) { try read(records) }
    }
  }
}

import Foundation
import ModelIO
import TestSupport
import Testing

@testable import Audit

/// Runs on texts in reports.
@Suite struct TextReportTests {
  private func record(
    _ original: String, _ recovered: String, course: [TextRecord.Step]? = nil
  ) -> TextRecord {
    TextRecord(
      tool: "0.1.0", model: "bert", head: "classification", weights: "bundled", attack: "dlg",
      method: "dlg", precision: "f64", seed: 3, batchSize: 1, frozenParameters: 0,
      threatModel: "honest-but-curious server", relativeDistance: JSONNumber(1e-9),
      isCertain: original == recovered,
      texts: [
        TextRecord.Text(
          original: original, recovered: recovered, recoveredTokens: [],
          exactMatch: original == recovered, tokenAccuracy: 0.5, rouge1: 0.25)
      ],
      baselines: [
        TextRecord.Baseline(
          name: "frequent tokens", tokenAccuracy: 0, rouge1: 0.125, rouge2: 0, rougeL: 0)
      ], evaluations: 7, course: course)
  }

  private func report(_ records: [TextRecord]) -> Report {
    var input = ReportInput()
    input.texts = records
    return Report(input)
  }

  @Test func showsTextsBesideWhatCameBack() throws {
    let steps = (0...30).map {
      TextRecord.Step(
        iteration: 10 * $0, loss: JSONNumber(1 / Double($0 + 1)), texts: ["word \($0)"])
    }
    let page = try report([record("my secret", "my secret", course: steps), record("a", "b")])
      .text(.html)
    #expect(page.contains("<h1>1 of 2 private texts came back word for word</h1>"))
    #expect(page.contains("Sentence by iteration"))
    #expect(page.contains("word 0") && page.contains("word 30"))
    // Ten of 31 iterations, evenly spread.
    #expect(page.components(separatedBy: "class=\"text\">word ").count == 11)
    #expect(page.contains("frequent tokens 0.12") || page.contains("frequent tokens 0.13"))
    #expect(!page.contains("Grade B"))
    let markdown = try report([record("a", "a")]).text(.markdown)
    #expect(markdown.hasPrefix("# 1 of 1 private text came back word for word"))
  }

  @Test func textsAreShownAsText() throws {
    let hostile = "<script>alert(1)</script>\"\u{202E}|`x`"
    let step = TextRecord.Step(iteration: 0, loss: JSONNumber(.nan), texts: [hostile])
    let page = try report([record(hostile, hostile, course: [step, step])]).text(.html)
    #expect(!page.contains("<script") && !page.contains("\u{202E}"))
    #expect(page.contains("&lt;script&gt;"))
  }

  @Test func filesAreReadAndChecked() throws {
    let folder = TestFolder()
    func read(_ records: [TextRecord]) throws -> ReportInput {
      try JSONEncoder().encode(records).write(to: URL(fileURLWithPath: folder("text.json")))
      var input = ReportInput()
      try input.add(path: folder.path)
      return input
    }
    let good = record("a", "b")
    #expect(try read([good]).texts == [good])
    var newer = good
    newer.version = TextRecord.currentVersion + 1
    var wrong = good
    wrong.texts[0].rouge1 = 7
    for records in [[newer], [wrong]] {
      #expect(throws: FileError.self) { try read(records) }
    }
  }
}

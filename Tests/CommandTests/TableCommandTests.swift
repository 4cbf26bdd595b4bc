import Audit
import Foundation
import ModelIO
import TestSupport
import Testing

/// `gradleak table` and `gradleak demo table`.
struct TableCommandTests {
  private let folder = TestFolder()

  private func run(_ arguments: String) throws -> ToolRun {
    try BuiltTool.run(arguments.split(separator: " ").map(String.init), in: folder.path)
  }

  @Test func theDemoBringsRowsBack() throws {
    let run = try run("demo table --batch-size 4 --out out")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("All 4 rows came back exactly."))
    #expect(
      run.output.contains("modes and medians") && run.output.contains("Certain updates: 1 of 1."))
    let csv = try CSVTable(contentsOf: folder("out/recovered.csv"))
    #expect(csv.rows.count == 4 && csv.header.last == "diabetes")
    let report = try self.run("report out --out report.html")
    #expect(report.status == 0, "\(report.errors)")
    // The command of the report gives the same again.
    let records = try RunRecord.read(contentsOf: folder("out/run.json"))
    let rows = records[0].experiment?.data.examples.joined(separator: ",") ?? ""
    let again = try self.run("table patients --rows \(rows) --batch-size 4 --json")
    let same = try RunRecord.read(bytes: Array(again.output.utf8), path: "")
    #expect(same.map(\.examples) == records.map(\.examples))
  }

  @Test func aTableOfOnesOwn() throws {
    let text =
      "age,town,weight,ill\r\n30,Ulm,60.5,no\r\n41,Bonn,70.25,yes\r\n52,Ulm,,no\r\n35,Bonn,55.0,yes\r\n"
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder("t.csv")))
    let schema = try run("table t.csv --label ill --show-schema")
    #expect(schema.status == 0 && schema.output.hasPrefix("label: \"ill\""))
    try Data(schema.output.utf8).write(to: URL(fileURLWithPath: folder("s.yaml")))
    let run = try run("table t.csv --schema s.yaml --batch-size 1 --batches 4")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("Exact rows, the label's cell included: 4 of 4"))
  }

  @Test(arguments: [
    ("table", "There is no table"), ("table t.csv", "--label is missing"),
    ("table t.csv --label nobody", "no column is called"), ("table gone.csv --label y", "gone.csv"),
    ("table t.csv --label y --rows 9", "--rows has \"9\""),
    ("table t.csv --label y --rows 2-1", "--rows has"),
    ("table t.csv --label y --rows 1,1", "has a row twice"),
    ("table t.csv --label y", "fewer rows|smaller --batch-size"),
    ("table ragged.csv --label y", "row 2 has 1 cell"),
    ("table nan.csv --label y", "row 2, column \"a\""),
  ]) func badInputIsOneSentence(_ arguments: String, _ words: String) throws {
    for (name, text) in [
      ("t.csv", "a,y\n1.5,0\n2,1\n"), ("ragged.csv", "a,y\n1,0\n2\n"),
      ("nan.csv", "a,y\n1,0\nNaN,1\n"),
    ] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: folder(name)))
    }
    let run = try run(arguments)
    #expect(run.status == 2)
    #expect(words.split(separator: "|").contains { run.errors.contains($0) }, "\(run.errors)")
  }
}

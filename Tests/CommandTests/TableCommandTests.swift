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

  @Test func aSavedUpdateIsAttackedLikeAClients() throws {
    for options in ["", " --epochs 2 --learning-rate 0.01 --optimizer adamw --weight-decay 0.1"] {
      let client = "--batch-size 1 --seed 5 --attack dlg --iterations 1 --trials 1" + options
      let saved = try run("table patients --rows 7 \(client) --save-update u.st --json")
      #expect(saved.status == 0, "\(saved.errors)")
      let kind = options.isEmpty ? "" : " --update-kind difference"
      let again = try run("table patients --rows 7 \(client) --update u.st\(kind) --json")
      #expect(again.status == 0, "\(again.errors)")
      let records = try [saved, again].map {
        try RunRecord.read(bytes: Array($0.output.utf8), path: "")[0]
      }
      #expect(records[1].truthCheck?.fits == true && records[1].misfit == nil)
      #expect(abs(records[0].update.norm.value / records[1].update.norm.value - 1) < 1e-6)
    }
  }

  @Test func otherRowsAreSaidToBeOthers() throws {
    let client = "--batch-size 1 --attack dlg --iterations 1 --trials 1"
    _ = try run("table patients --rows 7 \(client) --save-update u.st --json")
    let other = try run("table patients --rows 8 \(client) --update u.st")
    let said = other.output + other.errors
    #expect(said.contains("The originals that were given have") && !said.contains("picture"))
  }

  /// PyTorch's own gradients of models that look words up by the places of their values.
  @Test(arguments: [("apart", 1), ("apart", 3), ("tokens", 1)])
  func placesOfWordsAreLookedUp(_ name: String, _ size: Int) throws {
    let models = "\(fixtures)/table-models"
    let run = try run(
      "table \(models)/rows.csv --schema \(models)/schema.yaml --model \(models)/\(name).onnx --rows 1-\(size) "
        + "--update \(models)/\(name)-\(size).safetensors --batch-size \(size) --json")
    #expect(run.status == 0, "\(run.errors)")
    let record = try #require(
      try RunRecord.read(bytes: Array(run.output.utf8), path: "").first)
    #expect(record.truthCheck?.fits == true)
    if size == 1 {
      #expect(record.examples.map(\.level) == [.full] && record.isCertain == true)
      #expect(record.method == "linear layer")
    } else {
      let columns = try #require(record.table?.occurring)
      #expect(columns.map(\.words) == [["Trier", "Ulm"], ["former", "never"]])
    }
  }

  @Test func placesThatDoNotFitAreSaid() throws {
    let models = "\(fixtures)/table-models"
    let other = try run("table patients --model \(models)/apart.onnx")
    #expect(other.status == 2 && other.errors.contains("in the order of the table's columns"))
    let picture = try run("reconstruct chelsea --model \(models)/apart.onnx")
    #expect(picture.status == 2 && picture.errors.contains("has 2 inputs"), "\(picture.errors)")
  }

  @Test func auditSweepAndPriceTakeTables() throws {
    let audit = try run(
      "audit --table patients --rows 3,40 --defences none --property sex=female --budget 600 --out out "
        + "--fail-above E --quiet")
    #expect(audit.status == 1, "\(audit.errors)")
    for part in [
      "Grade F: Rows come back in full.", "Members: 2 of 2 are proved", "Property sex=female: ",
      "membership.json",
    ] {
      #expect(audit.output.contains(part), "\(part) in \(audit.output)")
    }
    let report = try run("report out --format markdown")
    #expect(report.output.contains("Members: 2 of 2 are proved"))
    let sweep = try run(
      "sweep run --table patients --ignore visits --seeds 1 --defence none --defence fp16 --dry-run"
    )
    #expect(sweep.output == "32 runs in 2 cells.\n", "\(sweep.errors)")
    let price = try run(
      "price --table patients --rounds 2 --batch-size 4 --defence fp16 --width 8 --quiet")
    #expect(price.status == 0 && price.output.contains("192 rows of patients, 48 held out"))
  }

  @Test(arguments: [
    ("audit --table gone.csv --label y", "there is no such file"),
    ("audit --table t.csv", "--label is missing"),
    ("audit --table t.csv --label nobody", "no column is called"),
    ("audit chelsea --table t.csv --label y", "beside a table"),
    ("audit --table t.csv --label y --text a", "There are texts"),
    ("audit --table t.csv --label y --labels 1", "--labels are of pictures"),
    ("audit --table t.csv --label y --defences mixup", "mixup cannot be applied to rows"),
    ("audit --table t.csv --label y --property y", "is \"y\""), ("audit --label y", "--table"),
    ("audit --table t.csv --label y --size 8", "--size is not for rows"),
    ("audit --rows 1", "are of a table"), ("audit --schema s.yaml", "--table"),
    ("sweep run --table t.csv --label y --images .", "give one of them"),
    ("sweep run --table t.csv --label y --size 8", "rows have none"),
    ("sweep run --table t.csv --label y --defence mixup:1", "fewer updates|cannot be applied"),
    ("price --table t.csv --label y", "at least"), ("price --label y", "--table"),
    ("price --table t.csv --label y --data .", "there is a table"),
    ("infer membership --schema s.yaml", "--table"),
    ("table t.csv --label y --save-update u.st --batch-size 1 --batches 2", "writes one update"),
    ("table --schema s.yaml --update u.st --save-update v.st", "leave them out"),
  ]) func tablesGoWithWhatTheyGoWith(_ arguments: String, _ words: String) throws {
    try Data("a,y\n1.5,no\n2,yes\n".utf8).write(to: URL(fileURLWithPath: folder("t.csv")))
    let run = try run(arguments)
    #expect(run.status == 2)
    #expect(words.split(separator: "|").contains { run.errors.contains($0) }, "\(run.errors)")
  }

  @Test(arguments: [
    ("table", "There is no table"), ("table t.csv", "--label is missing"),
    ("table t.csv --label nobody", "no column is called"), ("table gone.csv --label y", "gone.csv"),
    (
      "table patients --model vgg11",
      "has 19 inputs; use mlp, entity-mlp or ft-transformer"
    ),
    ("table t.csv --label y --rows 9", "--rows has \"9\""),
    ("table t.csv --label y --rows 2-1", "--rows has"),
    ("table t.csv --label y --rows 1,1", "has a row twice"),
    ("table t.csv --label y", "give fewer updates, or smaller batches"),
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

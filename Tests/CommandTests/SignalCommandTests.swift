import Audit
import Foundation
import ModelIO
import TestSupport
import Testing

/// `gradleak signal` and `gradleak demo signal`.
struct SignalCommandTests {
  private let folder = TestFolder()

  private func run(_ arguments: String) throws -> ToolRun {
    try BuiltTool.run(arguments.split(separator: " ").map(String.init), in: folder.path)
  }

  @Test func theDemoBringsTheSignalBack() throws {
    let run = try run("demo signal --length 64 --out out")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("The signal came back exactly."))
    #expect(run.output.contains("flat lines") && run.output.contains("nearest other part"))
    let records = try RunRecord.read(contentsOf: folder("out/run.json"))
    let signal = try #require(records.first?.examples.first?.signal)
    let csv = try CSVTable(contentsOf: folder("out/recovered-signals.csv"))
    #expect(csv.rows.count == 64 && csv.header == ["example", "seed", "sample", "channel 1"])
    let name = try #require(records.first?.examples.first?.name)
    let array = try NPYFile.read(folder("out/\(name)-reconstruction.npy")).tensor
    #expect(array.shape == [1, 64])
    let original = try #require(signal.original)[0].map(\.value)
    for (found, number) in zip(array.doubles, original) { #expect(abs(found - number) < 1e-6) }
    let report = try self.run("report out --out report.html")
    #expect(report.status == 0, "\(report.errors)")
    // The command of the report gives the same again.
    let example = try #require(records[0].experiment?.data.examples.first)
    let label = try #require(records[0].examples.first?.trueLabel?.text)
    let again = try self.run("signal \(example) --length 64 --rate 128 --labels \(label) --json")
    let same = try RunRecord.read(bytes: Array(again.output.utf8), path: "")
    #expect(same.map(\.examples) == records.map(\.examples))
  }

  /// PyTorch's own gradients, in PyTorch's names, of layers whose weights the exporter folded.
  @Test(arguments: ["lstm", "gru", "rnn"]) func recurrentModelsAreRead(_ name: String) throws {
    let models = "\(fixtures)/recurrent-models"
    let run = try run(
      "signal \(models)/signal.safetensors --update \(models)/\(name).safetensors "
        + "--model \(models)/\(name).onnx --range -4,4 --seed 1 --json")
    #expect(run.status == 0, "\(run.errors)")
    let record = try #require(
      try RunRecord.read(bytes: Array(run.output.utf8), path: "").first)
    #expect(record.truthCheck?.fits == true)
    // What the gradient of so few weights determines.
    if name != "rnn" { #expect(record.examples.first?.level == .full) }
  }

  /// A recording of 64 parts has room for the 16 updates that the best grade would take.
  @Test func signalsAreAudited() throws {
    let run = try run("audit --signal heartbeat --length 64 --defences none --budget 20 --out out")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("Grade F") && run.output.contains("16 of 16 (100 %"))
    let records = try RunRecord.read(contentsOf: folder("out/run.json"))
    #expect(records.count == 16 && records.allSatisfy { $0.kind == .signals })
  }

  @Test(arguments: [
    ("signal", "There is no signal"), ("signal gone.csv", "gone.csv"),
    ("signal t.csv --columns III", "no column is called"),
    ("signal t.csv@9 --length 4", "begins at 9"),
    ("signal t.csv --length 4 --batch-size 9", "the recording has 8"),
    ("signal t.csv --length 4 --labels 1,2", "--labels has 2"),
    ("signal t.csv --range 5,1", "--range is no pair"),
    ("signal t.csv --length 4 --defence mixup", "mixup cannot be applied to signals"),
    ("signal --update t.csv", "--range is missing"),
    ("signal t.csv --model \(fixtures)/recurrent-models/lstm.onnx --columns I", "1 channels"),
    ("audit --length 64", "are of a recording; give its file with --signal"),
    ("audit chelsea --signal heartbeat", "beside a signal"),
    ("audit --signal heartbeat --length 64 --property sex=female", "are of a table"),
    ("audit --signal heartbeat --length 64 --defences mixup", "mixup"),
    ("reconstruct chelsea --model cnn1d --size 16", "cnn1d needs signals"),
  ]) func badInputIsOneSentence(_ arguments: String, _ words: String) throws {
    let text = "I,II\n" + (0..<8).map { "\($0),\($0 % 3)\n" }.joined()
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder("t.csv")))
    let run = try run(arguments)
    #expect(run.status == 2)
    #expect(run.errors.contains(words), "\(run.errors)")
  }
}

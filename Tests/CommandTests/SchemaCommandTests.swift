import Audit
import Foundation
import TestSupport
import Testing

/// What commands print as JSON is what `gradleak schema` says of it, with no field besides.
struct SchemaCommandTests {
  private let folder = TestFolder()

  private func output(_ arguments: String) throws -> String {
    let run = try BuiltTool.run(arguments.split(separator: " ").map(String.init), in: folder.path)
    #expect(run.status == 0, "\(arguments): \(run.errors)")
    return run.output
  }

  private func check(_ document: String, _ name: String) throws {
    let schema = try JSONSchema(try #require(RecordSchema.text(named: name), "no schema \(name)"))
    let faults = try schema.faults(in: document)
    #expect(faults.isEmpty, "\(name): \(faults.prefix(5))")
  }

  /// One command for each schema, or several where fields differ; none takes more than a second or two.
  private static let commands: [(String, String)] = [
    ("run", "demo --size 8 --iterations 20 --trials 1 --json --quiet"),
    ("run", "reconstruct chelsea coffee --batch-size 2 --time-limit 2 --json --quiet"),
    (
      "run",
      "reconstruct chelsea --size 8 --epochs 2 --optimizer adam --schedule step:1 --learning-rate 0.01 "
        + "--time-limit 2 --defence fp16 --unknown labels --json --quiet"
    ),
    (
      "run", "reconstruct chelsea --attack modern --size 8 --iterations 5 --trials 1 --json --quiet"
    ),
    ("run", "demo text --attack dlg --iterations 3 --json --quiet"),
    ("run", "demo text --json --quiet"),
    ("audit", "audit chelsea --size 8 --budget 6 --defences prune,dp-sgd --json --quiet"),
    ("analysis", "analyse chelsea --size 8 --json --quiet"),
    (
      "sweep",
      "sweep --defence none --defence gaussian:1e-3 --size 8 --seeds 1 --iterations 20 --results s.sqlite "
        + "--json --quiet"
    ),
    ("price", "price --defence fp16 --rounds 2 --crops 2 --json --quiet"),
    ("federation-costs", "federation costs --parameters 50 --workers 2 --json --quiet"),
    ("success", "bench success --attack linear --model mlp --seeds 1 --json --quiet"),
    ("labels", "bench labels --models lenet --batch-sizes 2 --batches 2 --json --quiet"),
    ("encodings", "bench encodings --mixed 2 --encodings 20 --json --quiet"),
    (
      "gan",
      "federation gan --data photographs --size 8 --examples 90 --workers 2 --rounds 2 --runs 2 --batch-size 16 "
        + "--mini-batch 8 --fakes 4 --samples 4 --records 1 --time-limit 1 --json --quiet"
    ),
    ("rank", "rank --json"),
    ("gradient", "gradient --input chelsea --label 3 --out g.safetensors --json"),
    ("attacks", "attacks --json"),
    ("plan", "attacks modern --json"),
    ("models", "models --json"),
    ("defences", "defences --json"),
    ("devices", "devices --json"),
    ("onnx-operators", "onnx-operators --json"),
  ]

  @Test(arguments: commands.indices) func documentsFit(index: Int) throws {
    let (name, command) = SchemaCommandTests.commands[index]
    try check(try output(command), name)
  }

  @Test func filesFit() throws {
    _ = try output("gradient --input chelsea --label 3 --out g.safetensors")
    try check(try output("inspect g.safetensors --json"), "inspect-update")
    try check(try output("inspect g.safetensors --model lenet --json"), "inspect-update")
    let model = fixtures + "/planted/honest.onnx"
    try check(try output("inspect \(model) --json"), "inspect-model")
    try check(try output("check-model \(model) --json"), "check-model")
    _ = try output("reconstruct chelsea --size 8 --out out --quiet")
    func text(_ file: String) throws -> String {
      try String(contentsOfFile: folder("out/" + file), encoding: .utf8)
    }
    try check(try text("run.json"), "run")
    try check(try text("timing.json"), "timing")
    let record = try #require(
      try JSONSerialization.jsonObject(with: Data(text("run.json").utf8)) as? [[String: Any]])[0]
    let experiment = try JSONSerialization.data(withJSONObject: #require(record["experiment"]))
    try check(String(decoding: experiment, as: UTF8.self), "experiment")
  }

  @Test func aServersRecordFits() throws {
    let command = "malicious --method trap-weights --model mlp --images 4 --json --quiet"
    try check(try output(command), "malicious")
  }

  @Test func theCheckCatchesWhatDoesNotFit() throws {
    let schema = try JSONSchema(try #require(RecordSchema.text(named: "timing")))
    #expect(try schema.faults(in: "[]").isEmpty)
    #expect(try !schema.faults(in: "{}").isEmpty)
    #expect(try !schema.faults(in: "[{}]").isEmpty)
    #expect(try !schema.faults(in: "[{\"secondsOfSomething\": 1}]").isEmpty)
  }

  @Test func schemasAreListedAndPrinted() throws {
    #expect(try output("schema").split(separator: "\n").map(String.init) == RecordSchema.names)
    for name in RecordSchema.names {
      #expect(try output("schema \(name)") == RecordSchema.text(named: name))
    }
    let wrong = try BuiltTool.run(["schema", "runn"], in: folder.path)
    #expect(wrong.status == 2 && wrong.errors.contains("did you mean run?"))
  }
}

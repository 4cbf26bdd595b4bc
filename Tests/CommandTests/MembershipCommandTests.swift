import Audit
import Foundation
import ModelIO
import Solvers
import TensorGraph
import TestSupport
import Testing

/// `gradleak infer membership`.
struct MembershipCommandTests {
  private let folder = TestFolder()

  private func run(_ arguments: String) throws -> ToolRun {
    try BuiltTool.run(arguments.split(separator: " ").map(String.init), in: folder.path)
  }

  @Test func rowsAreTold() throws {
    let run = try run("infer membership --table patients --batch-size 1 --updates 10 --out out")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("10 of 10 members are proved to be in their batches, and 0 of"))
    #expect(run.output.contains("guessing"))
    let record = try JSONDecoder().decode(
      MembershipRecord.self, from: Data(bytes(of: folder("out/membership.json"))))
    #expect(record.kind == "rows" && record.updates == 10 && record.measures.count == 3)
    #expect(record.proofs?.members == 10 && record.proofs?.others == 0)
  }

  @Test func picturesAreTold() throws {
    let run = try run(
      "infer membership --batch-size 1 --updates 3 --calibration 20 --size 16 --json")
    #expect(run.status == 0, "\(run.errors)")
    let record = try JSONDecoder().decode(MembershipRecord.self, from: Data(run.output.utf8))
    #expect(record.kind == "pictures" && record.measures.allSatisfy { $0.area.value > 0.9 })
  }

  @Test func picturesBesideAnUpdate() throws {
    let gradient = try run(
      "gradient --input chelsea --label 3 --size 32 --save-weights w.safetensors --out g.safetensors"
    )
    #expect(gradient.status == 0, "\(gradient.errors)")
    var source = RandomSource(seed: 2)
    for index in 0..<12 {
      let pixels = (0..<3 * 32 * 32).map { _ in UInt8(source.integer(below: 256)) }
      try Image(width: 32, height: 32, pixels: pixels).writePNG(to: folder("known\(index).png"))
    }
    let run = try run(
      "infer membership chelsea coffee --known \((0..<12).map { "known\($0).png" }.joined(separator: " ")) "
        + "--update g.safetensors --weights w.safetensors --batch-size 1 --size 32 --json")
    #expect(run.status == 0, "\(run.errors)")
    let record = try JSONDecoder().decode(MembershipRecord.self, from: Data(run.output.utf8))
    #expect(record.candidates.map(\.name) == ["chelsea", "coffee"])
    #expect(record.candidates[0].deviations.value > 5)
    #expect(record.candidates[1].deviations.value < record.candidates[0].deviations.value)
  }

  @Test func textsAreExcludedByTheirWords() throws {
    let simulated = try run("infer membership --texts t.txt --batch-size 1 --updates 2 --out out")
    #expect(simulated.status == 2 && simulated.errors.contains("t.txt"))
    let own = try run("infer membership --model tiny-bert --batch-size 1 --updates 3 --out out")
    #expect(own.status == 0, "\(own.errors)")
    #expect(own.output.contains("texts that are not in the batches are excluded for certain"))
    #expect(own.output.contains("and 0 of 3 members"))
    let saved = try BuiltTool.run(
      ["text", "--model", "tiny-bert", "--text", "a cold night"] + [
        "--save-update", "u.st", "--quiet",
      ],
      in: folder.path)
    #expect(saved.status == 0, "\(saved.errors)")
    let asked = try BuiltTool.run(
      [
        "infer", "membership", "--model", "tiny-bert", "--text", "a cold night", "--text",
        "a warm day",
      ]
        + ["--update", "u.st", "--batch-size", "1", "--json"], in: folder.path)
    #expect(asked.status == 0, "\(asked.errors)")
    let record = try JSONDecoder().decode(MembershipRecord.self, from: Data(asked.output.utf8))
    #expect(record.texts?.map(\.missing.isEmpty) == [true, false])
  }

  @Test func partsOfSignalsAreTold() throws {
    let simulated = try run(
      "infer membership --signal heartbeat --length 64 --batch-size 1 --updates 4 --json")
    #expect(simulated.status == 0, "\(simulated.errors)")
    let record = try JSONDecoder().decode(
      MembershipRecord.self, from: Data(simulated.output.utf8))
    #expect(record.kind == "signals" && record.updates == 4)
    #expect(record.measures.contains { $0.area.value > 0.9 })
    let models = "\(fixtures)/recurrent-models"
    var source = RandomSource(seed: 2)
    for index in 0..<12 {
      let samples = Tensor([6, 2], .f64((0..<12).map { _ in source.normal() }))
      folder.file("k\(index).npy", NPYFile.bytes(samples))
    }
    let known = (0..<12).map { "k\($0).npy" }.joined(separator: " ")
    let asked = try run(
      "infer membership \(models)/signal.safetensors k0.npy --signal \(models)/signal.safetensors --known \(known) "
        + "--update \(models)/lstm.safetensors --model \(models)/lstm.onnx --range -4,4 --batch-size 1 --json"
    )
    #expect(asked.status == 0, "\(asked.errors)")
    let candidates = try JSONDecoder().decode(
      MembershipRecord.self, from: Data(asked.output.utf8)
    ).candidates
    #expect(candidates.map(\.name) == ["signal", "k0"])
    #expect(candidates[0].deviations.value > candidates[1].deviations.value + 1)
  }

  @Test(arguments: [
    ("--signal heartbeat --length 64 heartbeat@0", "is given beside a signal"),
    ("--signal heartbeat --table patients", "a signal and other data"),
    ("--texts a.txt --rows 1", "do not go with texts"),
    ("--model tiny-bert --update u.st", "give texts with --text"),
    ("--model tiny-bert --batch-size 20", "a smaller --batch-size"),
    ("--table patients a.png", "a table and pictures"), ("--label y", "--table"),
    ("--table patients --rows 1", "beside an --update"), ("--known a.png", "--known names"),
    ("--table patients --batch-size 239", "a smaller --batch-size"),
    ("--calibration 1", "--calibration is 1"),
  ]) func badInputIsOneSentence(_ arguments: String, _ words: String) throws {
    let run = try run("infer membership \(arguments)")
    #expect(run.status == 2 && run.errors.contains(words), "\(run.errors)")
  }
}

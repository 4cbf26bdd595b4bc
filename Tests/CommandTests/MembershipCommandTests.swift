import Audit
import Foundation
import ModelIO
import Solvers
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

  @Test(arguments: [
    ("--table patients a.png", "a table and pictures"), ("--label y", "--table"),
    ("--table patients --rows 1", "beside an --update"), ("--known a.png", "--known names"),
    ("--table patients --batch-size 239", "a smaller --batch-size"),
    ("--calibration 1", "--calibration is 1"),
  ]) func badInputIsOneSentence(_ arguments: String, _ words: String) throws {
    let run = try run("infer membership \(arguments)")
    #expect(run.status == 2 && run.errors.contains(words), "\(run.errors)")
  }
}

import Attacks
import Audit
import Clients
import Foundation
import ModelIO
import Solvers
import TestSupport
import Testing

/// Servers that plant weights, clients that check them, and what is told of a model without an attack.
struct ModelCheckTests {
  let folder = TestFolder()

  private func run(_ arguments: String) throws -> ToolRun {
    try BuiltTool.run(arguments.split(separator: " ").map(String.init), in: folder.path)
  }

  private func decoded<T: Decodable>(_ type: T.Type, _ arguments: String) throws -> T {
    let run = try run(arguments + " --json")
    try #require(run.status == 0, "\(run.errors)")
    return try JSONDecoder().decode(type, from: Data(run.output.utf8))
  }

  // MARK: - Malicious servers

  @Test func bins() throws {
    let record = try decoded(
      MaliciousRecord.self, "malicious --size 16 --width 4 --images 8 --bins 64 --quiet --out out")
    let isolated = record.images.filter { $0.isIsolated == true }
    #expect(record.isolatedCount == isolated.count && isolated.count >= 4)
    for image in isolated { #expect(image.psnr.value > 70, "\(image)") }
    for image in record.images { #expect(image.psnr.value > record.greyImagePSNR.value) }
    #expect(record.threatModel.category == .dataEnhancedManipulator)
    #expect(record.findings.contains { $0.tensor.hasPrefix("imprint.") })
    #expect(folder.contents == ["out"])
    #expect(
      listing(of: folder("out")).keys.sorted()
        == ["contact-sheet.png", "malicious.json"])
  }

  @Test(arguments: ["fishing --classes 4 --images 5", "feature-fishing --images 3"])
  func fishing(_ method: String) throws {
    let record = try decoded(
      MaliciousRecord.self, "malicious --size 8 --width 6 --quiet --method \(method)")
    #expect(record.threatModel.category == .activeManipulator)
    #expect(record.recoveredCount >= 1 && record.rounds >= 2, "\(record)")
  }

  @Test(arguments: [
    ("malicious --method trap-weights", "fully connected"),
    ("malicious --method fishin", "fishing"), ("malicious --images 0", "--images"),
    ("malicious --bins 1", "bins"),
  ])
  func refusals(_ arguments: String, _ part: String) throws {
    let run = try run(arguments)
    #expect(run.status == 2 && run.errors.contains(part), "\(run.errors)")
    #expect(folder.contents.isEmpty)
  }

  // MARK: - Received weights

  private func weights(_ model: Model, planted: Bool) throws {
    var source = RandomSource(seed: 8)
    let samples = (0..<40).map { _ in
      source.uniformTensor(model.inputShape, .f64, in: 0..<(0.2 + 0.8 * source.uniform()))
    }
    let honest = WeightedModel(untrained: model, seed: 0)
    let sent =
      planted ? try TrapWeights(honest, samples: samples, batchSize: 4, seed: 1).model : honest
    let names = model.parameters.map(\.name)
    try Safetensors.write(
      Dictionary(uniqueKeysWithValues: zip(names, sent.parameters)), to: folder("w.safetensors"))
  }

  @Test func plantedWeightsFailTheCheck() throws {
    let model = try ModelCatalog.model(
      named: "mlp", ModelOptions(inputShape: [3, 8, 8], width: 16))
    try weights(model, planted: false)
    let honest = try run("check-model w.safetensors")
    #expect(honest.status == 0 && honest.output.contains("That is no proof"), "\(honest.errors)")
    try weights(model, planted: true)
    let planted = try run("check-model w.safetensors")
    #expect(planted.status == 1 && planted.output.contains("2112.02918"), "\(planted.output)")
    let json = try run("check-model w.safetensors --json")
    #expect(json.status == 1 && json.output.contains("\"linear0.weight\""), "\(json.output)")
  }

  private struct Check: Decodable {
    struct Finding: Decodable {
      let kind: String
    }
    let model: String?
    let findings: [Finding]
  }

  /// Bins among honest units, in an ONNX file; and the tensors alone of a model of texts.
  @Test func filesOfONNXAreChecked() throws {
    let planted = try run("check-model \(fixtures)/planted/planted.onnx")
    #expect(planted.status == 1 && planted.output.contains("2110.13057"), "\(planted.errors)")
    #expect(planted.output.contains("16 of 40 units"), "\(planted.output)")
    let honest = try decoded(Check.self, "check-model --model \(fixtures)/planted/honest.onnx")
    #expect(honest.findings.isEmpty && honest.model == "honest.onnx")
    let text = try run("check-model \(fixtures)/fuzz/attention-dynamo.onnx --json")
    #expect(text.status == 0, "\(text.errors)")
  }

  @Test func theModelOfWeightsMayBeNamed() throws {
    let model = try ModelCatalog.model(
      named: "mlp", ModelOptions(inputShape: [3, 8, 8], width: 16))
    try weights(model, planted: false)
    let check = try decoded(
      Check.self, "check-model w.safetensors --model mlp --size 8 --width 16")
    #expect(check.findings.isEmpty && check.model == "mlp")
    #expect(try run("check-model w.safetensors --model mlp --size 8 --width 17").status == 2)
    #expect(try run("check-model").status == 2)
    #expect(try run("check-model a.safetensors --weights b.safetensors").status == 2)
    #expect(try run("check-model a.safetensors --model b.onnx").status == 2)
  }

  @Test func wrongWeightsAreNoVerdict() throws {
    folder.file("w.safetensors", Array("not one".utf8))
    #expect(try run("check-model w.safetensors").status == 2)
    #expect(try run("check-model missing.safetensors").status == 2)
  }

  // MARK: - Without an attack

  private struct Spectrum: Decodable {
    let rank: Int
    let unknowns: Int
  }

  @Test func analyseCountsWhatIsDetermined() throws {
    let simulation = "analyse astronaut --size 8 --classes 5"
    let wide = try decoded(Spectrum.self, "\(simulation) --width 8")
    #expect(wide.unknowns == 192 && wide.rank == 192)
    // Fewer equations than pixels.
    let narrow = try decoded(Spectrum.self, "\(simulation) --width 1")
    #expect(narrow.rank < 192)
  }

  private struct Ranks: Decodable {
    let isDetermined: Bool
  }

  @Test func rankNeedsNoData() throws {
    #expect(try decoded(Ranks.self, "rank --model lenet").isDetermined)
    #expect(try !decoded(Ranks.self, "rank --model lenet --width 3").isDetermined)
    // Two images of 32x32 pixels have more positions than the first layer has equations.
    #expect(try !decoded(Ranks.self, "rank --model lenet --batch-size 2").isDetermined)
  }

  private struct Labels: Decodable {
    struct Row: Decodable {
      let model: String
      let strategy: String
      let batchSize: Int
      let accuracy: Double
    }
    let rows: [Row]
  }

  @Test func labelStrategiesAreMeasured() throws {
    let rows = try decoded(
      Labels.self, "bench labels --models mlp --batch-sizes 1,4 --batches 3 --classes 10 --quiet"
    ).rows
    #expect(Set(rows.map(\.batchSize)) == [1, 4])
    for row in rows {
      #expect((0...1).contains(row.accuracy))
      // One label is what a bias's sign tells.
      if row.batchSize == 1, row.strategy == "bias-sign" { #expect(row.accuracy == 1) }
    }
  }

  private struct Success: Decodable {
    let runs: Int
    let successes: Int
    let labelsRight: Int
    let verdicts: [String: Int]
  }

  @Test func successIsCounted() throws {
    let size = "--size 8 --width 4 --seeds 2 --quiet"
    let all = try decoded(Success.self, "bench success \(size)")
    #expect(all.runs == 14 && all.successes == 14 && all.labelsRight == 14)
    #expect(all.verdicts == ["recovered": 14])
    let none = try decoded(Success.self, "bench success \(size) --attack dlg --iterations 1")
    #expect(none.runs == 14 && none.successes == 0)
  }
}

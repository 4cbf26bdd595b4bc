import CPUBackend
import Foundation
import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Clients
@testable import Texts

/// A model with adapters that scripts/fixtures/text-adapters.py made with PEFT.
private struct AdapterCase {
  let folder: String
  let base: WeightedTextModel
  let text = [2, 9, 11, 7, 9, 5, 3]

  init(_ name: String) throws {
    folder = textFixtures + "-adapters/" + name
    let model = try TextModel(TextModelConfiguration(contentsOf: folder + "/config.json"))
    base = try TextModelFolder.load(
      model, TensorShards(TensorFile(contentsOf: folder + "/model.safetensors")), seed: 0
    ).0
  }

  func update(_ change: (inout [String: Tensor]) -> Void = { _ in }) throws -> TextUpdateFile {
    var tensors = try SafetensorsFile(contentsOf: folder + "/gradients.safetensors").tensors()
    change(&tensors)
    let scratch = TestFolder()
    try Safetensors.write(tensors, to: scratch("g.safetensors"))
    return try TextUpdateFile(
      contentsOf: scratch("g.safetensors"), for: base.model,
      TextUpdateReading(batchSize: 1, adapters: AdapterFolder(folder, for: base).adapters))
  }
}

private let query = "base_model.model.bert.encoder.layer.0.attention.self.query"

@Suite struct TextUpdateFileTests {
  /// PEFT's gradients of A, B and the classification layer are those of the merged model.
  @Test(arguments: ["bert", "gpt2"])
  func agreesWithPEFT(_ name: String) throws {
    let example = try AdapterCase(name)
    let adapted = try AdapterFolder(example.folder, for: example.base)
    let update = try example.update().update
    #expect(adapted.adapters.rank == 9 && adapted.adapters.scale == 12.0 / 9)
    #expect(update.adapterGradients.count == update.reductionGradients.count)
    let backend = CPUBackend()
    let result = try TextInversion(
      adapted.weighted, update: update,
      configuration: TextAttackConfiguration(precision: .f64, beginning: [2], ending: [3]),
      backend: backend
    ).run()
    #expect(result.texts == [example.text] && result.classes == [1])
    #expect((try #require(result.relativeDistance)) < 1e-10)
    // The gradient of A spans the inputs themselves.
    #expect(result.span?.width == 24 && result.span?.firstRank == 7)
  }

  @Test func differencesAreGradients() throws {
    let model = WeightedTextModel(
      untrained: try TextModel(
        TextModelConfiguration(
          architecture: .bert, vocabularySize: 40, width: 32, layers: 2, heads: 4, positions: 12,
          head: .classification(classes: 2), initializerRange: 0.2)), seed: 3)
    let folder = TestFolder()
    let batch = TextBatch(tokens: [[2, 8, 30, 12, 3]], labels: .classes([1]))
    let training = try LocalTraining(
      exampleCount: 1, miniBatchSize: 1, epochs: 3, learningRate: 0.01)
    let shared = try model.share(
      batch, by: TextClient(training: training), dtype: .f64, backend: CPUBackend()
    ).update
    try shared.write(to: folder("d.safetensors"))
    var reading = TextUpdateReading(kind: .difference, training: training, batchSize: 1)
    let file = try TextUpdateFile(
      contentsOf: folder("d.safetensors"), for: model.model, reading)
    #expect(file.notes.isEmpty && file.update.training == training)
    for (name, tensor) in shared.gradients {
      let found = try #require(file.update.gradients[name])
      #expect(found.squaredDistance(to: tensor) <= 1e-24 * max(tensor.squaredNorm, 1e-9))
    }
    reading.kind = .gradient
    #expect(throws: AttackError.self) {
      try TextUpdateFile(contentsOf: folder("d.safetensors"), for: model.model, reading)
    }
    reading = TextUpdateReading(kind: .difference, batchSize: 1)
    #expect(throws: AttackError.self) {
      try TextUpdateFile(contentsOf: folder("d.safetensors"), for: model.model, reading)
    }
  }

  /// What wrappers and PEFT put around names.
  @Test(arguments: [
    ("module.bert.pooler.dense.weight", TextTensorName.Part.own, "bert.pooler.dense.weight"),
    ("base_model.model.a.query.lora_A.default.weight", .reduction, "a.query.weight"),
    ("base_model.model.a.query.lora_B.weight", .expansion, "a.query.weight"),
    ("a.query.base_layer.weight", .own, "a.query.weight"),
    ("base_model.model.classifier.modules_to_save.default.bias", .own, "classifier.bias"),
    ("base_model.model.classifier.original_module.bias", .untrainedCopy, "classifier.bias"),
    ("base_model.model.score.weight.grad", .own, "score.weight"),
  ])
  func namesAreTakenApart(_ name: String, _ part: TextTensorName.Part, _ parameter: String) {
    #expect(TextTensorName(name).part == part && TextTensorName(name).parameter == parameter)
  }

  @Test func refusesOtherAdapters() throws {
    let example = try AdapterCase("bert")
    let changes: [(String, (inout [String: Tensor]) -> Void)] = [
      (
        "where adapters of rank 9 have [24, 9]",
        { $0[query + ".lora_B.default.weight"] = Tensor([24, 8], .f32, repeating: 1) }
      ),
      (
        "adapters have none beside",
        {
          $0[query.replacing("query", with: "key") + ".lora_B.default.weight"] = Tensor(
            [24, 9], .f32, repeating: 1)
        }
      ),
      (
        "holds no gradient of the adapters' second layers",
        { $0 = $0.filter { !$0.key.contains("lora_B") } }
      ),
      (
        "holds numbers that are not finite",
        { $0[query + ".lora_B.default.weight"] = Tensor([24, 9], .f32, repeating: .nan) }
      ),
      (
        "a renaming 'base_model.model.bert.poole.dense.bias=bert.pooler.dense.bias'",
        { $0["base_model.model.bert.poole.dense.bias"] = Tensor([24], .f32, repeating: 1) }
      ),
      (
        "is not the only tensor for",
        { $0[query + ".lora_B.weight"] = Tensor([24, 9], .f32, repeating: 1) }
      ),
    ]
    for (words, change) in changes {
      let message = try #require(throws: (any Error).self) { try example.update(change) }
      #expect("\(message)".contains(words), "\(message)")
    }
    let scratch = TestFolder()
    try FileManager.default.copyItem(
      atPath: example.folder + "/adapter_model.safetensors",
      toPath: scratch("adapter_model.safetensors"))
    for (settings, words) in [
      (#"{"r": 8, "lora_alpha": 8}"#, "where adapters of rank 8 on this model have"),
      (#"{"r": 9, "peft_type": "IA3"}"#, "another adapter than LoRA"),
      (#"{"r": 9, "rank_pattern": {"query": 3}}"#, "rank_pattern"),
      (#"{"lora_alpha": 9}"#, "no rank r"), (#"{"r": 9, "bias": "all"}"#, "biases"),
    ] {
      scratch.file("adapter_config.json", Array(settings.utf8))
      let message = try #require(throws: (any Error).self) {
        try AdapterFolder(scratch.path, for: example.base)
      }
      #expect("\(message)".contains(words), "\(message)")
    }
  }
}

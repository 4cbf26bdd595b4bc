import CPUBackend
import Foundation
import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Clients
@testable import Texts

/// Models that scripts/fixtures/text-onnx.py exported.
@Suite struct TextONNXTests {
  private static let folder = fixtures + "/text-onnx"
  private let text = [2, 90, 110, 7, 90, 55, 3]

  /// Every parameter's gradient is PyTorch's, so every weight is in its place.
  @Test(arguments: ["torchscript", "dynamo"])
  func hasPyTorchsGradients(_ exporter: String) throws {
    let backend = CPUBackend()
    let imported = try ImportedTextModel(
      contentsOf: "\(TextONNXTests.folder)/\(exporter).onnx", backend: backend)
    let model = imported.weighted.model
    #expect(model.configuration.heads == 3 && model.configuration.layers == 2)
    #expect(model.configuration.activation == .gelu && model.configuration.innerWidth == 36)
    let golden = try SafetensorsFile(contentsOf: TextONNXTests.folder + "/gradient.safetensors")
    #expect(Set(golden.names) == Set(model.parameters.map(\.name)))
    let found = try imported.weighted.gradient(
      of: TextBatch(tokens: [text], labels: .classes([2])), dtype: .f64, backend: backend
    ).gradients
    let norm = try golden.tensors().values.reduce(0) { $0 + $1.squaredNorm }
    for (spec, gradient) in zip(model.parameters, found) {
      let error = gradient.squaredDistance(to: try golden.tensor(named: spec.name))
      #expect(error < 1e-9 * norm, "\(spec.name): \(error)")
    }
  }

  /// A GPT-2 whose last layer is its embedding, and one with classes: every gradient is PyTorch's.
  @Test(arguments: ["language", "classes"], ["torchscript", "dynamo"])
  func readsGPT2(_ kind: String, _ exporter: String) throws {
    let backend = CPUBackend()
    let imported = try ImportedTextModel(
      contentsOf: "\(TextONNXTests.folder)/gpt2-\(kind)-\(exporter).onnx", backend: backend)
    let model = imported.weighted.model
    let isLanguage = kind == "language"
    #expect(model.configuration.heads == 3 && model.configuration.layers == 2)
    #expect(model.configuration.activation == .geluNew)
    #expect(model.configuration.head == (isLanguage ? .languageModel : .classification(classes: 3)))
    let path = TextONNXTests.folder + "/gpt2-\(kind).safetensors"
    let golden = try SafetensorsFile(contentsOf: path)
    #expect(Set(golden.names) == Set(model.parameters.map(\.name)))
    let found = try imported.weighted.gradient(
      of: TextBatch(tokens: [text], labels: isLanguage ? .nextTokens : .classes([2])), dtype: .f64,
      backend: backend
    ).gradients
    let norm = try golden.tensors().values.reduce(0) { $0 + $1.squaredNorm }
    for (spec, gradient) in zip(model.parameters, found) {
      let error = gradient.squaredDistance(to: try golden.tensor(named: spec.name))
      #expect(error < 1e-9 * norm, "\(spec.name): \(error)")
    }
    let update = try TextUpdateFile(
      contentsOf: path, for: model, TextUpdateReading(batchSize: 1)
    ).update
    let result = try TextInversion(
      imported.weighted, update: update, configuration: TextAttackConfiguration(), backend: backend
    ).run()
    #expect(result.texts == [text] && result.isCertain)
  }

  @Test(
    arguments: ["torchscript", "dynamo"],
    [Set<String>(), ["bert.embeddings.word_embeddings.weight"]])
  func readsACapturedText(_ exporter: String, _ frozen: Set<String>) throws {
    let backend = CPUBackend()
    let imported = try ImportedTextModel(
      contentsOf: "\(TextONNXTests.folder)/\(exporter).onnx", backend: backend)
    let update = try TextUpdateFile(
      contentsOf: TextONNXTests.folder + "/gradient.safetensors", for: imported.weighted.model,
      TextUpdateReading(batchSize: 1)
    ).update.withholding(frozen)
    let result = try TextInversion(
      imported.weighted, update: update,
      configuration: TextAttackConfiguration(beginning: [2], ending: [3]), backend: backend
    ).run()
    #expect(result.texts == [text] && result.classes == [2] && result.isCertain)
    #expect(result.method == (frozen.isEmpty ? .embedding : .dager))
  }

  /// Three steps of PyTorch: the update of the text is PyTorch's but for the rounding of f32 weights, with
  /// which the text is certain; of a text with two tokens exchanged it is not.
  @Test(arguments: [Precision.f32, .f64])
  func followsPyTorchsSteps(_ precision: Precision) throws {
    let backend = CPUBackend()
    let weighted = try ImportedTextModel(
      contentsOf: TextONNXTests.folder + "/torchscript.onnx", backend: backend
    ).weighted
    let update = try TextUpdateFile(
      contentsOf: TextONNXTests.folder + "/difference.safetensors", for: weighted.model,
      TextUpdateReading(
        kind: .difference,
        training: LocalTraining(
          exampleCount: 1, miniBatchSize: 1, epochs: 3, learningRate: 0.02), batchSize: 1)
    ).update
    #expect(update.rounding == WeightRounding(learningRate: 0.02, steps: 3))
    let inversion = TextInversion(
      weighted, update: update,
      configuration: TextAttackConfiguration(
        precision: precision, beginning: [2], ending: [3]), backend: backend)
    let session = TextAttackSession(timeLimit: nil) { _ in .proceed }
    let right = try session.deviation(
      of: TextBatch(tokens: [text], labels: .classes([2])), inversion)
    #expect(right.relative < 1e-6 && right.unexplained < 1e-10, "\(right)")
    for wrong in [[2, 110, 90, 7, 90, 55, 3], [2, 90, 110, 7, 90, 56, 3]] {
      let found = try session.deviation(
        of: TextBatch(tokens: [wrong], labels: .classes([2])), inversion)
      #expect(!found.isExplained, "\(wrong): \(found)")
    }
    let result = try inversion.run()
    #expect(result.texts == [text] && result.isCertain)
  }

  @Test func otherFilesAreRefused() throws {
    let message = try #require(throws: ModelError.self) {
      try ImportedTextModel(
        contentsOf: fixtures + "/fuzz/small-torchscript.onnx", backend: CPUBackend())
    }
    #expect(message.message.contains("a language model takes whole numbers [N, L]"))
    #expect(throws: ModelError.self) {
      try ImportedTextModel(contentsOf: fixtures + "/nowhere.onnx", backend: CPUBackend())
    }
  }
}

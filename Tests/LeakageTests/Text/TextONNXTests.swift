import CPUBackend
import Foundation
import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Leakage

/// Models that scripts/make-text-onnx-fixtures.py exported.
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

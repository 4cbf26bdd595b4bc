import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Clients

/// Small files of both of PyTorch's exporters, with PyTorch's logits and gradients in f64:
/// `scripts/fixtures/fuzz-models.py`.
@Suite struct ImportedModelTests {
  private static let names = [
    "small-torchscript", "small-dynamo", "attention-torchscript", "attention-dynamo",
  ]

  private func path(_ name: String) -> String { "\(fixtures)/fuzz/\(name)" }

  /// The file's weights are f32, and so is what PyTorch computed with.
  @Test(arguments: names) func logitsAndGradientsArePyTorchs(_ name: String) throws {
    let imported = try ImportedModel(contentsOf: path(name + ".onnx"))
    let golden = try SafetensorsFile(contentsOf: path(name + ".safetensors"))
    let model = imported.weighted.model
    let step = try imported.weighted.step(
      images: golden.tensor(named: "image"), labels: [1], backend: AttackedClient.backend)
    let logits = try golden.tensor(named: "logits").doubles
    for (found, expected) in zip(step.logits.doubles, logits) {
      #expect(abs(found - expected) < 1e-7)
    }
    // The newer exporter folds batch normalisation into the convolution: what is left is matched.
    let isFolded = name == "small-dynamo"
    let update = try UpdateFile(
      contentsOf: path(name + ".safetensors"), for: model, wanted: imported.wanted,
      UpdateReading(batchSize: 1))
    #expect(update.update.isComplete || isFolded)
    for match in update.matching.matches
    where !isFolded || imported.wanted[match.wanted].name.contains("fc") {
      let pairs = zip(
        step.update.gradients[match.wanted].doubles, update.update.gradients[match.wanted].doubles)
      for (found, expected) in pairs { #expect(abs(found - expected) < 1e-7, "\(match)") }
    }
  }

  @Test func aSoftmaxAtTheEndIsLeftOutAndSaid() throws {
    let imported = try ImportedModel(contentsOf: path("small-torchscript.onnx"))
    #expect(imported.notes.map(\.description).contains { $0.contains("ends in a softmax") })
    #expect(imported.weighted.model.classifier != nil)
    #expect(imported.activations == "relu")
  }

  @Test func batchesAreThoseAskedFor() throws {
    let imported = try ImportedModel(
      contentsOf: path("small-torchscript.onnx"), ImportOptions(batchSizes: [1, 3]))
    let update = try imported.weighted.share(
      images: Tensor([3, 1, 8, 8], .f64, repeating: 0.5), labels: [0, 1, 2],
      backend: AttackedClient.backend)
    #expect(update.batchSize == 3)
  }

  @Test func imagesThatDoNotFitAreRefused() {
    var options = ImportOptions()
    options.inputShape = [3, 7, 7]
    #expect(throws: ModelError.self) {
      try ImportedModel(contentsOf: path("small-torchscript.onnx"), options)
    }
    #expect(throws: ModelError.self) { try ImportedModel(contentsOf: path("none.onnx")) }
  }
}

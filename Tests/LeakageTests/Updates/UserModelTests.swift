import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Attacks
@testable import Clients

/// Models as users have them, with updates by PyTorch: `scripts/fixtures/user-models.py`.
@Suite struct UserModelTests {
  private func path(_ name: String) -> String { "\(fixtures)/user-models/\(name)" }

  private func imported(_ name: String, _ options: ImportOptions = ImportOptions()) throws
    -> ImportedModel
  {
    try ImportedModel(contentsOf: path(name + ".onnx"), options)
  }

  private func refusal(_ name: String, _ options: ImportOptions = ImportOptions()) -> String {
    do {
      _ = try imported(name, options)
      return ""
    } catch {
      return "\(error)"
    }
  }

  private var image: [Double] {
    get throws {
      try SafetensorsFile(contentsOf: path("image.safetensors")).tensor(named: "image").doubles
    }
  }

  /// What the automatic attack makes of an update.
  private func attack(
    _ model: String, _ update: String, _ loss: ClientLoss, labels: [Int]? = nil
  ) throws -> (names: [String], error: Double, loss: ClientLoss, note: String?) {
    let imported = try imported(model)
    var file = try UpdateFile(
      contentsOf: path(update + ".safetensors"), for: imported.weighted.model,
      wanted: imported.wanted, UpdateReading(batchSize: 1, loss: loss))
    let note = file.chooseEnding(imported.ending, imported.weighted)
    #expect(LossConsistency.objection(to: file.update, imported.weighted) == nil)
    let inversion = try AttackProblem(
      imported.weighted, update: file.update,
      configuration: AttackConfiguration(trials: 2, iterations: 100), knownLabels: labels,
      backend: AttackedClient.backend)
    let result = try inversion.run()
    let error = zip(result.images.doubles, try image).reduce(0) { max($0, abs($1.0 - $1.1)) }
    return (result.labels.map { inversion.loss.name(of: $0) }, error, inversion.loss, note)
  }

  @Test(arguments: ["one-logit", "squeezed", "sigmoid-squeezed"], [0, 1])
  func oneLogitHasBothTargets(_ model: String, _ label: Int) throws {
    let loss = try ClientLoss(.binaryCrossEntropy)
    let found = try attack(model, "one-logit-\(label)", loss)
    #expect(found.names == ["\(label)"] && found.error < 1e-6)
    let told = try attack(model, "one-logit-\(label)", loss, labels: [label])
    #expect(told.error < 1e-6)
    #expect(throws: AttackError.self) { try attack(model, "one-logit-0", loss, labels: [2]) }
  }

  /// BCELoss of a sigmoid's values is BCEWithLogitsLoss of what goes into it.
  @Test func aSigmoidAtTheEndIsPartOfTheLoss() throws {
    let found = try attack(
      "sigmoid-squeezed", "one-logit-bceloss", ClientLoss(.binaryCrossEntropy))
    #expect(found.names == ["1"] && found.error < 1e-6 && found.note == nil)
    let square = try attack(
      "sigmoid-squeezed", "sigmoid-mse", ClientLoss(.meanSquaredError).after(.sigmoid))
    #expect(square.names == ["1"] && square.error < 1e-6)
  }

  @Test func numbersAreReadOff() throws {
    let found = try attack("one-logit", "regression", ClientLoss(.meanSquaredError))
    #expect(found.names == ["0.7"] && found.error < 1e-6)
  }

  @Test func setsOfClassesAreReadOff() throws {
    let loss = try ClientLoss(.binaryCrossEntropy)
    let several = try attack("five", "multi-label", loss)
    #expect(several.names == ["0+3"] && several.error < 1e-6)
    let none = try attack("five", "no-label", loss)
    #expect(none.names == ["none"] && none.error < 1e-6)
  }

  /// Whether a softmax belongs to the model is found by which fits.
  @Test func theEndingThatFitsIsFound() throws {
    let plain = try attack("softmax", "cross-entropy", .meanCrossEntropy)
    #expect(plain.note == nil && plain.loss.ending == nil)
    #expect(plain.names == ["3"] && plain.error < 1e-6)
    let kept = try attack("softmax", "of-softmax", .meanCrossEntropy)
    #expect(kept.note?.contains("softmax") == true && kept.loss.ending == .softmax)
    #expect(kept.names == ["3"] && kept.error < 1e-5)
  }

  @Test func theOutputThatAllParametersReachIsTaken() throws {
    let model = try imported("two-outputs")
    #expect(model.weighted.model.classCount == 5 && model.weighted.parameters.count == 4)
    #expect(
      model.notes.map(\.description).contains {
        $0.contains("\"features\", \"y\"") && $0.contains("output NAME takes another")
      })
    var options = ImportOptions()
    options.output = "features"
    let features = try imported("two-outputs", options)
    #expect(features.weighted.parameters.count == 2)
    #expect(
      features.notes.map(\.description).contains {
        $0.contains("\"b.weight\"") && $0.contains("\"b.bias\"")
      })
    options.output = "none"
    #expect(refusal("two-outputs", options).contains("\"features\", \"y\""))
  }

  @Test func dropoutIsSaidToBeLeftOut() throws {
    #expect(try imported("dropout").notes.map(\.description).contains { $0.contains("left out") })
  }

  @Test func nodesAreSorted() throws {
    let (sorted, plain) = (try imported("unordered"), try imported("five"))
    let images = Tensor([1, 3, 4, 4], .f64, try image)
    let backend = AttackedClient.backend
    let logits = try [sorted, plain].map {
      try $0.weighted.step(images: images, labels: [1], backend: backend).logits.doubles
    }
    #expect(logits[0] == logits[1])
    #expect(refusal("circle").contains("depends on itself"))
  }

  /// "None" twice is no equation.
  @Test func placeholdersAreNoNames() throws {
    var options = ImportOptions(batchSizes: [2])
    options.inputShape = [3, 2, 8]
    let model = try imported("placeholders", options)
    #expect(model.weighted.model.inputShape == [3, 2, 8])
    #expect(refusal("negative").contains("[1, 3, ?, 4]"))
    options.inputShape = [3, 4, 4]
    options.batchSizes = [1]
    #expect(try imported("negative", options).weighted.model.inputShape == [3, 4, 4])
  }

  @Test(arguments: [
    ("nan-weight", "\"b.weight\""), ("nan-constant", "NaN"), ("no-parameters", "no parameters"),
    ("detection", "Detection"), ("kernel-shape", "kernel_shape"), ("huge", "fits"),
  ])
  func brokenModelsAreRefused(_ name: String, _ words: String) {
    #expect(refusal(name).contains(words), "\(refusal(name))")
  }
}

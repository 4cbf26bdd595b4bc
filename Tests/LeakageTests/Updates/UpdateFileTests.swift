import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Attacks
@testable import Clients

/// The file's update, or the message of what is wrong with it.
private func read(
  _ tensors: [String: Tensor], for model: Model, _ reading: UpdateReading? = nil
) throws -> UpdateFile {
  let folder = TestFolder()
  let path = folder("update.safetensors")
  try Safetensors.write(tensors, to: path)
  return try UpdateFile(contentsOf: path, for: model, reading ?? UpdateReading(batchSize: 1))
}

private func problem(
  _ tensors: [String: Tensor], for model: Model, _ reading: UpdateReading? = nil
) -> String? {
  do {
    _ = try read(tensors, for: model, reading)
    return nil
  } catch {
    return "\(error)"
  }
}

@Suite struct UpdateFileTests {
  let client: AttackedClient
  let named: [String: Tensor]

  init() throws {
    client = try AttackedClient.leNet()
    named = Dictionary(
      uniqueKeysWithValues: zip(
        client.weighted.model.parameters.map(\.name), client.update.gradients))
  }

  private var model: Model { client.weighted.model }

  private func renamed(_ rename: (String) -> String) -> [String: Tensor] {
    Dictionary(uniqueKeysWithValues: named.map { (rename($0.key), $0.value) })
  }

  @Test func exactNamesAreTaken() throws {
    let file = try read(named, for: model)
    #expect(file.update.gradients == client.update.gradients)
    #expect(file.update.isComplete && file.notes.isEmpty && file.matching.explanations.isEmpty)
  }

  @Test(arguments: [
    "module.", "_orig_mod.", "module._orig_mod.", "grad.", "model.", "_forward_module.",
    "_module.module.",
  ])
  func prefixesOfWrappersAreLeftOut(_ prefix: String) throws {
    let file = try read(renamed { prefix + $0 }, for: model)
    #expect(file.update.gradients == client.update.gradients)
    #expect(file.matching.matches.allSatisfy { $0.reason == .wrapperNames })
    #expect(file.matching.explanations.first?.description.contains("8 of 8 tensors") == true)
  }

  @Test func namesAreMendedByRules() throws {
    let odd = renamed { $0.replacingOccurrences(of: "body.", with: "trunk.layers.") }
    #expect(try read(odd, for: model).update.sharedParameters.count == 2)
    var reading = UpdateReading(batchSize: 1)
    reading.renamings = [try TensorRenaming(parsing: "trunk.layers=body")]
    #expect(try read(odd, for: model, reading).update.gradients == client.update.gradients)
  }

  @Test func numberedTensorsAreTakenInOrder() throws {
    let listed = Dictionary(
      uniqueKeysWithValues: client.update.gradients.enumerated().map { ("arr_\($0)", $1) })
    let file = try read(listed, for: model)
    #expect(file.update.gradients == client.update.gradients)
    #expect(file.matching.matches.allSatisfy { $0.reason == .position })
  }

  @Test func missingTensorsLeaveAPartialGradient() throws {
    var partial = named
    partial["body.0.weight"] = nil
    partial["body.O.weight"] = named["body.0.weight"]
    let file = try read(partial, for: model)
    #expect(!file.update.isComplete && file.update.gradient(of: 0) == nil)
    #expect(file.notes[0].description.contains("1 of 8 parameters are not in the file"))
    #expect(
      file.notes[0].description.contains("a renaming 'body.O.weight=body.0.weight'"))
    #expect(file.notes[1].description.contains("belong to no parameter"))
  }

  @Test func whatIsNoGradientIsRefused() throws {
    var wrong = named
    wrong["fc.0.bias"] = Tensor([4], .f32, repeating: 1)
    #expect(problem(wrong, for: model)?.contains("has the shape [4]") == true)
    wrong["fc.0.bias"] = Tensor([5], .i64, repeating: 1)
    #expect(problem(wrong, for: model)?.contains("holds I64 numbers") == true)
    wrong["fc.0.bias"] = Tensor([5], .f32, [0, .nan, 1, .infinity, 2])
    #expect(problem(wrong, for: model)?.contains("2 of the 5 numbers") == true)
    let zeros = named.mapValues { Tensor($0.shape, .f32, repeating: 0) }
    #expect(problem(zeros, for: model)?.contains("all zeros") == true)
    #expect(
      problem(["x": Tensor([5], .f32, repeating: 1)], for: model)?
        .contains("none of its 1 tensors") == true)
  }

  @Test func wrappersOfInnerLayersAreLeftOut() throws {
    let file = try read(
      renamed { $0.replacingOccurrences(of: "body.", with: "body._checkpoint_wrapped_module.") },
      for: model)
    #expect(file.update.gradients == client.update.gradients)
  }

  @Test func aFileWithoutTensorsIsSaid() {
    #expect(problem([:], for: model)?.contains("holds no tensors") == true)
  }

  @Test func whatWasReadIsRemembered() throws {
    #expect(try read(named, for: model).update.origin == .gradient)
    let reading = UpdateReading(kind: .difference, learningRate: 0.1, batchSize: 1)
    #expect(try read(named, for: model, reading).update.origin == .difference(learningRate: 0.1))
  }

  @Test func silentLayersAreSaid() throws {
    var silent = named
    silent["body.2.bias"] = Tensor([12], .f32, repeating: 0)
    #expect(
      try read(silent, for: model).notes.map(\.description) == [
        "1 tensors are all zeros (a frozen or inactive layer, or gradients that were dropped): "
          + "body.2.bias."
      ])
  }

  @Test func aDifferenceOfOneStepIsAGradient() throws {
    let difference = named.mapValues { $0.multiplied(by: -0.1) }
    var reading = UpdateReading(kind: .difference, learningRate: 0.1, batchSize: 1)
    let update = try read(difference, for: model, reading).update
    for (found, expected) in zip(update.gradients, client.update.gradients) {
      for (a, b) in zip(found.doubles, expected.doubles) { #expect(abs(a - b) < 1e-12) }
    }
    reading.learningRate = nil
    #expect(problem(difference, for: model, reading)?.contains("with learning rate") == true)
    reading.training = try LocalTraining(
      exampleCount: 1, miniBatchSize: 1, epochs: 5, learningRate: 0.1)
    #expect(try read(difference, for: model, reading).update.training?.steps.count == 5)
    reading.kind = .gradient
    #expect(problem(difference, for: model, reading)?.contains("5 local steps") == true)
  }

  /// Rounded to halves, the numbers match their own batch to about 1e-8 and no better.
  @Test func roundingIsMeasured() throws {
    let halves = client.update.gradients.map { tensor in
      Tensor(tensor.shape, .f32, tensor.doubles.map { Double(Float16($0)) })
    }
    #expect(NumberTraces(halves[0]).format == .half)
    let file = try read(
      Dictionary(uniqueKeysWithValues: zip(model.parameters.map(\.name), halves)), for: model)
    let loss = zip(halves, client.update.gradients).reduce(0.0) { sum, pair in
      sum + zip(pair.0.doubles, pair.1.doubles).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
    let relative = loss / client.update.squaredNorm
    #expect(file.update.relativeRounding > relative / 4)
    #expect(file.update.relativeRounding < relative * 4)
  }
}

@Suite struct TensorMatchingTests {
  @Test func exportersNamesAreFoundByBiasOrShape() throws {
    let wanted = [
      WantedTensor(
        "onnx::MatMul_1", [3, 4], likelyName: "a.weight", isAnonymous: true, isTransposed: true),
      WantedTensor("a.bias", [4]),
      WantedTensor("onnx::MatMul_2", [4, 7], isAnonymous: true, isTransposed: true),
    ]
    let matching = TensorMatching(
      wanted, in: [("a.weight", [4, 3]), ("module.a.bias", [4]), ("b.weight", [7, 4])])
    #expect(matching.matches.map(\.reason) == [.layerOfBias, .wrapperNames, .uniqueShape])
    #expect(matching.matches.map(\.isTransposed) == [true, false, true])
    #expect(matching.missing.isEmpty && matching.extras.isEmpty)
  }

  /// Two of one shape could be either, so neither is taken.
  @Test func shapesThatAreNotUniqueMatchNothing() {
    let wanted = [1, 2].map { WantedTensor("val_\($0)", [4, 4], isAnonymous: true) }
    let matching = TensorMatching(wanted, in: [("q", [4, 4]), ("k", [4, 4])])
    #expect(matching.matches.isEmpty && matching.missing == [0, 1])
    #expect(matching.extras == ["q", "k"])
  }

  @Test func tracesOfQuantisationAreSeen() {
    let levels = Tensor([1000], .f32, (0..<1000).map { Double($0 % 16) * 0.25 - 2 })
    let traces = NumberTraces(levels)
    #expect(traces.distinctCount == 16 && traces.gridStep == 0.25)
    let signs = NumberTraces(Tensor([100], .f32, (0..<100).map { $0 % 2 == 0 ? 0.3 : -0.3 }))
    #expect(signs.distinctCount == 2 && signs.gridStep == nil)
    let free = NumberTraces(Tensor([100], .f64, (0..<100).map { Double($0).squareRoot() }))
    #expect(free.distinctCount == nil && free.format == .double)
  }
}

@Suite struct PartialGradientTests {
  /// Without the first layer's gradient closed forms do not apply, and the search uses the rest.
  @Test func theRestIsMatched() throws {
    let client = try AttackedClient.leNet()
    let update = SharedUpdate(
      gradients: client.update.gradients.enumerated().map { index, tensor in
        index < 2 ? Tensor(tensor.shape, .f64, repeating: 0) : tensor
      }, batchSize: 1, sharedParameters: Array(2..<8))
    let result = try AttackProblem(
      client.weighted, update: update, configuration: AttackConfiguration(),
      backend: AttackedClient.backend
    ).run()
    #expect(result.trials.allSatisfy { $0.method.name != "layer peeling" })
    #expect(result.matchingLoss <= 1e-12 * update.squaredNorm)
    let model = client.weighted.model
    #expect(
      result.diagnosis?.equationBound
        == model.equationBound(batchSize: 1, sharedParameters: Array(2..<8)))
    #expect(model.equationBound(batchSize: 1, sharedParameters: [7]) == 5)
  }

  @Test func anAttackThatNeedsWhatIsAbsentSaysSo() throws {
    let client = try AttackedClient.leNet()
    let update = SharedUpdate(
      gradients: client.update.gradients, batchSize: 1, sharedParameters: Array(0..<6))
    func message(_ attack: AttackName) -> String? {
      attackErrorMessage {
        _ = try AttackProblem(
          client.weighted, update: update,
          configuration: AttackConfiguration(attack: attack), backend: AttackedClient.backend
        ).run()
      }
    }
    #expect(message(.peeling)?.contains("fc.0.weight, which was not shared") == true)
    #expect(message(.idlg)?.contains("which was not shared") == true)
  }

  /// The first layer alone leaks the image; the label is the one whose gradient fits.
  @Test func aFirstFullyConnectedLayerIsEnough() throws {
    let model = try ModelCatalog.model(
      named: "mlp",
      ModelOptions(
        inputShape: [1, 4, 4], classCount: 4, activation: .sigmoid, width: 20, depth: 1))
    let client = try AttackedClient(model, labels: [2])
    let update = SharedUpdate(
      gradients: client.update.gradients, batchSize: 1, sharedParameters: [0, 1])
    let result = try AttackProblem(
      client.weighted, update: update, configuration: AttackConfiguration(),
      backend: AttackedClient.backend
    ).run()
    #expect(client.psnr(of: result.images) > 100 && result.labels == [2])
  }

  @Test func knownLabelsAreUsed() throws {
    let client = try AttackedClient.leNet(labels: [1, 4])
    let inversion = try AttackProblem(
      client.weighted, update: client.update, configuration: AttackConfiguration(),
      knownLabels: [1, 4], backend: AttackedClient.backend)
    #expect(try inversion.run().labels == [1, 4])
    #expect(
      attackErrorMessage {
        _ = try AttackProblem(
          client.weighted, update: client.update, configuration: AttackConfiguration(),
          knownLabels: [1], backend: AttackedClient.backend)
      }?.contains("do not fit a batch of 2") == true)
  }
}

@Suite struct NormalizationTests {
  /// What is sought are pixels, whatever the client does to them.
  @Test(arguments: ["lenet", "mlp"])
  func normalisedPixelsComeBackAsPixels(_ name: String) throws {
    let plain = try ModelCatalog.model(
      named: name,
      ModelOptions(inputShape: [3, 8, 8], classCount: 5, activation: .sigmoid, width: 12))
    let model = plain.normalizing(
      try PixelNormalization(means: [0.5, 0.4, 0.3], deviations: [0.2], channels: 3))
    let client = try AttackedClient(model, labels: [3])
    let result = try client.attack(AttackConfiguration())
    #expect(client.psnr(of: result.images) > 80)
    #expect(throws: ModelError.self) {
      try PixelNormalization(means: [0, 0], deviations: [1], channels: 3)
    }
  }
}

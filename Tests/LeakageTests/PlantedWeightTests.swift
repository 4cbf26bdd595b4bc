import Attacks
import CPUBackend
import Clients
import Foundation
import Solvers
import TensorGraph
import Testing

@Suite struct PlantedWeightTests {
  private func tensors(_ weighted: WeightedModel) -> [(name: String, tensor: Tensor)] {
    zip(weighted.model.parameters.map(\.name), weighted.parameters).map { (name: $0, tensor: $1) }
  }

  /// Images of different brightness with soft edges, as photographs have them.
  private static func images(_ shape: Shape, _ count: Int) -> [Tensor] {
    var source = RandomSource(seed: 12)
    let (height, width) = (shape[1], shape[2])
    return (0..<count).map { _ in
      let (level, contrast) = (source.uniform(), 0.6 * source.uniform())
      let (across, down) = (source.normal() * 3, source.normal() * 3)
      let phase = 6 * source.uniform()
      return Tensor(
        shape, .f64,
        (0..<shape.elementCount).map { index in
          let x = Double(index % width) / Double(width)
          let y = Double(index / width % height) / Double(height)
          let value = level + contrast * sin(phase + across * x + down * y)
          return min(max(value + 0.02 * source.normal(), 0), 1)
        })
    }
  }

  private let check = PlantedWeightCheck(
    samples: PlantedWeightTests.images, backend: AttackedClient.backend)

  private func kinds(_ weighted: WeightedModel) throws -> Set<PlantedWeightCheck.Finding.Kind> {
    let loose = Set(try check.findings(in: tensors(weighted)).map(\.kind))
    let whole = Set(try check.findings(in: weighted).map(\.kind))
    #expect(loose.isSubset(of: whole), "\(loose) \(whole)")
    return whole
  }

  private func model(_ name: String) throws -> Model {
    let width = ["vit": 48, "vit-april": 48, "cnn6": 12][name] ?? 16
    return try ModelCatalog.model(named: name, ModelOptions(width: width))
  }

  private var samples: [Tensor] {
    var source = RandomSource(seed: 8)
    return (0..<40).map { _ in
      source.uniformTensor([3, 32, 32], .f64, in: 0..<(0.2 + 0.8 * source.uniform()))
    }
  }

  // MARK: - Ordinary weights

  @Test(arguments: ModelCatalog.all.map(\.name))
  func ordinaryInitialisationsAreClean(_ name: String) throws {
    let model = try model(name)
    for seed in UInt64(0)..<2 {
      #expect(try kinds(WeightedModel(untrained: model, seed: seed)).isEmpty)
    }
  }

  /// Weights after real training steps, on a few images with one dominant class.
  @Test func trainedWeightsAreClean() throws {
    let model = try ModelCatalog.model(
      named: "mlp", ModelOptions(inputShape: [1, 8, 8], classCount: 4, width: 40, depth: 2))
    var weighted = WeightedModel(untrained: model, seed: 0)
    var source = RandomSource(seed: 9)
    let images = source.uniformTensor([16, 1, 8, 8], .f64)
    let labels = (0..<16).map { $0 < 12 ? 0 : $0 % 4 }
    for _ in 0..<150 {
      let update = try weighted.share(
        images: images, labels: labels, backend: AttackedClient.backend)
      let moved = zip(weighted.parameters, update.gradients).map { parameter, gradient in
        Tensor(
          parameter.shape, .f64(zip(parameter.doubles, gradient.doubles).map { $0 - 0.5 * $1 }))
      }
      weighted = WeightedModel(model: model, parameters: moved, buffers: [])
    }
    #expect(try kinds(weighted).isEmpty)
  }

  /// Heavy tails, pruned rows, a few copied units, and a mean that is not 0, as training leaves them.
  @Test func unusualButHonestWeightsAreClean() throws {
    var source = RandomSource(seed: 10)
    var rows = (0..<64).map { _ in
      (0..<32).map { _ in
        let value = source.normal()
        return 0.02 * value * value * value - 0.01
      }
    }
    for row in 0..<20 { rows[row] = [Double](repeating: 0, count: 32) }
    for row in 20..<25 { rows[row] = rows[25] }
    let weight = Tensor([64, 32], .f64(rows.flatMap { $0 }))
    let bias = Tensor([64], .f64((0..<64).map { _ in 3 * source.normal() }))
    #expect(
      try check.findings(in: [("a.weight", weight), ("a.bias", bias)]).isEmpty)
    // Names without a known ending, tensors of integers and empty ones are no reason to fail.
    #expect(
      try check.findings(in: [
        ("counter", Tensor([], .i64([7]))), ("none", Tensor([0, 4], .f64([]))), ("w", weight),
      ]).isEmpty)
  }

  // MARK: - Planted weights

  @Test func imprintsAreFound() throws {
    let server = try ImprintServer(model: model("lenet"), samples: samples, bins: 32)
    let findings = try check.findings(in: server.weights(seed: 0))
    let measure = try #require(findings.first { $0.tensor == "imprint.measure.weight" })
    #expect(measure.kind == .imprint)
    #expect(measure.explanation.contains("32 of 32 rows"))
    #expect(measure.explanation.contains("different biases"))
    #expect(findings.allSatisfy { $0.tensor.hasPrefix("imprint") })
  }

  /// Bins among honest units, in all disguises; the attack reads images through them.
  @Test(arguments: [(16, 0.1, false), (24, 0.03, true), (24, 1.0, false), (256, 0.01, true)])
  func hiddenBinsAreFound(_ rows: Int, _ noise: Double, _ isDisguised: Bool) throws {
    let model = try ModelCatalog.model(
      named: "mlp", ModelOptions(inputShape: [3, 16, 16], width: 256, depth: 2))
    var disguise = HiddenImprint.Disguise(rows: rows)
    disguise.noise = noise
    if isDisguised { (disguise.scale, disguise.mixesSigns, disguise.isRandom) = (10, true, true) }
    let known = PlantedWeightTests.images(model.inputShape, 300)
    let server = try HiddenImprint(
      WeightedModel(untrained: model, seed: 0), disguise, samples: known, seed: 3)
    #expect(try kinds(server.model) == [.imprint])
    let secret = Array(known[100..<107])
    let update = try server.model.share(
      images: stacked(secret).converted(to: .f64), labels: Array(0..<7),
      backend: AttackedClient.backend)
    let contents = server.contents(of: update)
    let read = secret.count { image in
      contents.contains { ImageMetrics.meanSquaredError($0, image) < 1e-6 }
    }
    #expect(read >= 2)
  }

  /// Traps whose weights are no exact mirror of one another.
  @Test(arguments: [0.01, 0.1, 0.3]) func noisyTrapsAreFound(_ noise: Double) throws {
    let traps = try TrapWeights(
      WeightedModel(untrained: model("mlp"), seed: 0), samples: samples, batchSize: 8, seed: 0)
    var source = RandomSource(seed: 5)
    var parameters = traps.model.parameters
    parameters[0] = Tensor(
      parameters[0].shape, .f64,
      parameters[0].doubles.map { $0 * (1 + noise * source.normal()) })
    let noisy = WeightedModel(model: traps.model.model, parameters: parameters, buffers: [])
    #expect(try kinds(noisy) == [.trapWeights])
  }

  /// A bias of 30 and weights that are faint rather than 0 fish as well; only their effect tells.
  @Test func faintFishingIsFound() throws {
    let honest = WeightedModel(untrained: try model("lenet"), seed: 0)
    let last = try #require(honest.model.classifier)
    let bias = try #require(last.bias)
    var parameters = honest.parameters
    let weight = parameters[last.weight]
    parameters[last.weight] = Tensor(
      weight.shape, .f64,
      weight.doubles.enumerated().map { $0 / weight.shape[1] == 5 ? $1 : 0.03 * $1 })
    parameters[bias] = Tensor(
      [weight.shape[0]], .f64, (0..<weight.shape[0]).map { $0 == 5 ? 0 : 30 })
    let planted = WeightedModel(
      model: honest.model, parameters: parameters, buffers: honest.buffers)
    #expect(try kinds(planted).isEmpty == false)
  }

  @Test func trapsAreFound() throws {
    let traps = try TrapWeights(
      WeightedModel(untrained: model("mlp"), seed: 0), samples: samples, batchSize: 8, seed: 0)
    #expect(try kinds(traps.model) == [.trapWeights])
  }

  @Test func fishingIsFound() throws {
    let server = try FishingServer(WeightedModel(untrained: model("lenet"), seed: 0), target: 5)
    #expect(try kinds(server.classWeights()) == [.classFishing, .saturatedBias])
    #expect(try kinds(server.featureWeights(threshold: 0.3)).contains(.classFishing))
  }

  @Test func numbersThatAreNoneAreFound() throws {
    let findings = try check.findings(in: [
      ("a.weight", Tensor([2, 2], .f32([1, .nan, 0, 1])))
    ])
    #expect(findings.map(\.kind) == [.notFinite])
  }
}

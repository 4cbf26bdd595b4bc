import CPUBackend
import Leakage
import TensorGraph
import Testing

@Suite struct PlantedWeightTests {
  private func tensors(_ weighted: WeightedModel) -> [(name: String, tensor: Tensor)] {
    zip(weighted.model.parameters.map(\.name), weighted.parameters).map { (name: $0, tensor: $1) }
  }

  private func kinds(_ weighted: WeightedModel) -> Set<PlantedWeightCheck.Finding.Kind> {
    Set(PlantedWeightCheck.findings(in: tensors(weighted)).map(\.kind))
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
      let findings = PlantedWeightCheck.findings(
        in: tensors(WeightedModel(untrained: model, seed: seed)))
      #expect(findings.isEmpty, "\(findings)")
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
    #expect(PlantedWeightCheck.findings(in: tensors(weighted)).isEmpty)
  }

  /// Heavy tails, pruned rows, a few copied units, and a mean that is not 0, as training leaves them.
  @Test func unusualButHonestWeightsAreClean() {
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
      PlantedWeightCheck.findings(in: [("a.weight", weight), ("a.bias", bias)]).isEmpty)
    // Names without a known ending, tensors of integers and empty ones are no reason to fail.
    #expect(
      PlantedWeightCheck.findings(in: [
        ("counter", Tensor([], .i64([7]))), ("none", Tensor([0, 4], .f64([]))), ("w", weight),
      ]).isEmpty)
  }

  // MARK: - Planted weights

  @Test func imprintsAreFound() throws {
    let server = try ImprintServer(model: model("lenet"), samples: samples, bins: 32)
    let findings = PlantedWeightCheck.findings(in: tensors(server.weights(seed: 0)))
    let measure = try #require(findings.first { $0.tensor == "imprint.measure.weight" })
    #expect(measure.kind == .imprint)
    #expect(measure.explanation.contains("32 of 32 rows"))
    #expect(measure.explanation.contains("different biases"))
    #expect(findings.allSatisfy { $0.tensor.hasPrefix("imprint") })
  }

  @Test func trapsAreFound() throws {
    let traps = try TrapWeights(
      WeightedModel(untrained: model("mlp"), seed: 0), samples: samples, batchSize: 8, seed: 0)
    #expect(kinds(traps.model) == [.trapWeights])
  }

  @Test func fishingIsFound() throws {
    let server = try FishingServer(WeightedModel(untrained: model("lenet"), seed: 0), target: 5)
    #expect(kinds(server.classWeights()) == [.classFishing, .saturatedBias])
    #expect(kinds(server.featureWeights(threshold: 0.3)).contains(.classFishing))
  }

  @Test func numbersThatAreNoneAreFound() {
    let findings = PlantedWeightCheck.findings(in: [
      ("a.weight", Tensor([2, 2], .f32([1, .nan, 0, 1])))
    ])
    #expect(findings.map(\.kind) == [.notFinite])
  }
}

import ModelIO
import TensorGraph
import TestSupport
import Testing

@testable import Attacks
@testable import Clients

/// Updates and weights in the formats of PyTorch and NumPy; the client of scripts/fixtures/local-update.py.
@Suite struct TensorFormatTests {
  private let folder = fixtures + "/local-update/"

  private func model() throws -> Model {
    try ModelCatalog.architecture(named: "lenet").model(
      ModelOptions(inputShape: [3, 8, 8], classCount: 5))
  }

  private func reading(_ kind: UpdateKind, _ start: WeightedModel) -> UpdateReading {
    UpdateReading(
      kind: kind, learningRate: 0.1, startingWeights: start.parameters, batchSize: 2)
  }

  @Test func weightsBeforeAndAfterAreADifference() throws {
    let model = try model()
    let before = try WeightedModel(contentsOf: folder + "before.pt", for: model)
    #expect(
      try before.parameters
        == WeightedModel(contentsOf: folder + "weights.safetensors", for: model).parameters)
    let difference = try UpdateFile(
      contentsOf: folder + "difference.safetensors", for: model, reading(.difference, before))
    let weights = try UpdateFile(
      contentsOf: folder + "after.npz", for: model, reading(.weights, before))
    #expect(weights.update.origin == .difference(learningRate: 0.1))
    #expect(weights.matching.matches.allSatisfy { $0.reason == .position })
    for (exact, rounded) in zip(weights.update.gradients, difference.update.gradients) {
      #expect(exact.dtype == .f64)
      // PyTorch subtracted in f32.
      #expect(zip(exact.doubles, rounded.doubles).allSatisfy { abs($0 - $1) <= 1e-6 })
    }
    #expect(weights.update.relativeRounding > 0)
  }

  @Test func unchangedWeightsAreRefused() throws {
    let model = try model()
    let before = try WeightedModel(contentsOf: folder + "before.pt", for: model)
    let error = #expect(throws: FileError.self) {
      try UpdateFile(contentsOf: folder + "before.pt", for: model, reading(.weights, before))
    }
    #expect(error?.problem.contains("those before") == true)
  }

  @Test func whereTheTensorsWereIsSaid() throws {
    let model = try model()
    let file = try UpdateFile(
      contentsOf: folder + "before.pt", for: model, UpdateReading(batchSize: 1))
    #expect(file.notes.first?.description.contains("under \"model\"") == true)
  }
}

import CPUBackend
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients

@Suite struct LabelStrategyTests {
  private func recovered(
    _ strategy: LabelStrategy, _ client: AttackedClient
  ) throws -> [Int] {
    try LabelRecovery.labels(
      of: client.update, client.weighted, by: strategy, seed: 0, backend: AttackedClient.backend)
  }

  private func model(_ classes: Int = 10) throws -> Model {
    try ModelCatalog.model(
      named: "lenet", ModelOptions(inputShape: [3, 8, 8], classCount: classes))
  }

  @Test(arguments: LabelStrategy.allCases) func oneLabelIsRead(_ strategy: LabelStrategy) throws {
    for label in [0, 4, 9] {
      let client = try AttackedClient(model(), labels: [label], seed: UInt64(label))
      #expect(try recovered(strategy, client) == [label])
    }
  }

  @Test(arguments: LabelStrategy.allCases)
  func eachGivesAsManyLabelsAsExamples(_ strategy: LabelStrategy) throws {
    for count in [2, 5, 14] {
      let truth = (0..<count).map { $0 * $0 % 10 }
      let client = try AttackedClient(model(), labels: truth, seed: 3)
      let found = try recovered(strategy, client)
      #expect(found.count == count && found == found.sorted())
      #expect(found.allSatisfy { (0..<10).contains($0) })
      // A guess is right for one label in ten.
      #expect(LabelRecovery.accuracy(found, truth) > 0.4)
    }
  }

  @Test func distinctLabelsAreReadByEveryStrategy() throws {
    let truth = [1, 3, 4, 8]
    let client = try AttackedClient(model(), labels: truth, seed: 1)
    for strategy in LabelStrategy.allCases where strategy != .counts {
      #expect(try LabelRecovery.accuracy(recovered(strategy, client), truth) >= 0.75)
    }
  }

  @Test func repeatsAreReadByFeatures() throws {
    let truth = [2, 2, 2, 5, 5, 7]
    let client = try AttackedClient(model(), labels: truth, seed: 4)
    #expect(try recovered(.features, client) == truth)
    // Yin's rule cannot say that a label repeats.
    #expect(try Set(recovered(.yin, client)).count == 6)
  }

  @Test func countsAreRoundedToTheirSum() {
    #expect(LabelRecovery.labels(fromCounts: [1.4, 0.7, 0.9], total: 3) == [0, 1, 2])
    #expect(LabelRecovery.labels(fromCounts: [-1, 2, .nan], total: 2) == [1, 1])
    #expect(LabelRecovery.labels(fromCounts: [0, 0], total: 3) == [0, 0, 1])
    #expect(LabelRecovery.labels(fromCounts: [2.6, 0.2, 0.2], total: 3) == [0, 0, 0])
  }

  @Test func accuracyIsTheOverlap() {
    #expect(LabelRecovery.accuracy([1, 1, 2], [1, 2, 2]) == 2.0 / 3)
    #expect(LabelRecovery.accuracy([], []) == 1)
    #expect(LabelRecovery.accuracy([3], [4]) == 0)
  }

  @Test func aLastLayerWithoutBiasIsRefused() throws {
    let model = try ModelCatalog.model(named: "cnn6", ModelOptions(inputShape: [3, 8, 8]))
    let client = try AttackedClient(model, labels: [1])
    #expect(throws: AttackError.self) { try recovered(.biasSign, client) }
  }

  /// Three epochs of two steps each, at a rate that moves the weights noticeably.
  @Test func labelsOfAWeightUpdateAreCounted() throws {
    let model = try ModelCatalog.model(
      named: "mlp", ModelOptions(inputShape: [3, 8, 8], classCount: 5, width: 30, depth: 1))
    let start = WeightedModel(untrained: model, seed: 2)
    let truth = [0, 0, 0, 2, 2, 4, 4, 4]
    let images = model.fixtureBatch(truth.count).images
    let pixels = model.inputShape.elementCount
    var weighted = start
    for step in 0..<6 {
      let part = step % 2 * 4..<step % 2 * 4 + 4
      let update = try weighted.share(
        images: Tensor(
          [4, 3, 8, 8],
          .f64(Array(images.doubles[part.lowerBound * pixels..<part.upperBound * pixels]))),
        labels: Array(truth[part]), backend: AttackedClient.backend)
      let moved = zip(weighted.parameters, update.gradients).map { parameter, gradient in
        Tensor(
          parameter.shape, .f64(zip(parameter.doubles, gradient.doubles).map { $0 - 0.02 * $1 }))
      }
      weighted = WeightedModel(model: model, parameters: moved, buffers: [])
    }
    let found = try LabelRecovery.labels(
      from: start, to: weighted, learningRate: 0.02, steps: 6, batchSize: 4, seed: 0,
      backend: AttackedClient.backend)
    let seen = truth + truth + truth
    #expect(found.count == seen.count)
    #expect(LabelRecovery.accuracy(found, seen) >= 0.9)
    #expect(throws: AttackError.self) {
      try LabelRecovery.labels(
        from: start, to: weighted, learningRate: 0, steps: 6, batchSize: 4, seed: 0,
        backend: AttackedClient.backend)
    }
  }
}

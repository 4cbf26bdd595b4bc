import CPUBackend
import Foundation
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients
@testable import Solvers

/// Epochs in an order that the attacker does not know.
@Suite struct SeparateEpochsTests {
  private static func training() throws -> LocalTraining {
    try LocalTraining(
      clientSizes: [3, 2], miniBatchSize: 2, epochs: 3, learningRate: 0.1, isOrderKnown: false)
  }

  @Test func aClientShufflesAllEpochsButTheFirst() throws {
    let plain = try Self.training()
    let shuffled = plain.shuffled(using: RandomSource(seed: 3))
    #expect(shuffled != plain)
    #expect(shuffled == plain.shuffled(using: RandomSource(seed: 3)))
    for (client, steps) in shuffled.clients.enumerated() {
      #expect(steps.map(\.count) == plain.clients[client].map(\.count))
      let perEpoch = steps.count / 3
      #expect(Array(steps[..<perEpoch]) == Array(plain.clients[client][..<perEpoch]))
      for epoch in 0..<3 {
        let seen = steps[epoch * perEpoch..<(epoch + 1) * perEpoch].joined().sorted()
        #expect(seen == Array(plain.clientRanges[client]))
      }
    }
    // The order does not travel with the update.
    #expect(shuffled.asKnown == plain)
    let update = SharedUpdate(
      gradients: [Tensor([1], .f64, repeating: 1)], batchSize: 5, training: shuffled)
    #expect(update.training == plain)
  }

  @Test func whereTheOrderDoesNotMatterItIsKnown() throws {
    func isKnown(_ sizes: [Int], _ size: Int, epochs: Int) throws -> Bool {
      try LocalTraining(
        clientSizes: sizes, miniBatchSize: size, epochs: epochs, learningRate: 1,
        isOrderKnown: false
      ).isOrderKnown
    }
    #expect(try isKnown([4], 4, epochs: 3))
    #expect(try isKnown([4], 2, epochs: 1))
    #expect(try isKnown([1, 1], 1, epochs: 3))
    #expect(try !isKnown([4], 2, epochs: 2))
    #expect(try !isKnown([1, 2], 1, epochs: 2))
  }

  @Test func epochsHaveBatchesOfTheirOwn() throws {
    let apart = try Self.training().separatingEpochs()
    #expect(apart.clients[1] == [[3, 4], [8, 9], [13, 14]])
    #expect(apart.clients[0] == [[0, 1], [2], [5, 6], [7], [10, 11], [12]])
    #expect(apart.clientSizes == [9, 6])
  }

  @Test func imagesThatResembleEachOtherAreAveraged() {
    // Two clients with two images and one, of two pixels each, in two epochs.
    let first = [0.0, 0, 1, 1, 0.2, 0.2]
    let second = [1.0, 0.8, 0.2, 0, 0.9, 0.9]
    let matching = EpochMatching(epochs: 2, clients: [0..<2, 2..<3])
    let mean = matching.mean(of: (first + second)[...])
    let expected = [0.1, 0, 1, 0.9, 0.55, 0.55]
    for (left, right) in zip(mean, expected) { #expect(abs(left - right) < 1e-15) }
  }

  private struct Client {
    let weighted: WeightedModel
    let images: Tensor
    let labels: [Int]
    let update: SharedUpdate

    init(epochs: Int = 2, labels: [Int] = [3, 1]) throws {
      self.labels = labels
      let model = try ModelCatalog.model(
        named: "lenet",
        ModelOptions(inputShape: [3, 8, 8], classCount: 5, activation: .sigmoid))
      weighted = WeightedModel(untrained: model, seed: 0)
      images = model.fixtureBatch(2).images
      update = try weighted.share(
        images: images, labels: labels,
        training: LocalTraining(
          exampleCount: 2, miniBatchSize: 1, epochs: epochs, learningRate: 0.1,
          isOrderKnown: false
        ).shuffled(using: RandomSource(seed: 1)),
        backend: AttackedClient.backend)
    }

    func run(
      _ configuration: AttackConfiguration, knownLabels: [Int]? = nil
    ) throws -> AttackResult {
      try AttackProblem(
        weighted, update: update, configuration: configuration, knownLabels: knownLabels,
        backend: AttackedClient.backend
      ).run()
    }
  }

  /// Dummies that go through each epoch in the client's own order leave nothing of the update.
  @Test func theTrueOrderExplainsTheUpdate() throws {
    let client = try Client(labels: [3, 3])
    let size = client.images.shape.elementCount / 2
    let pixels = client.images.doubles
    let swapped = Array(pixels[size...] + pixels[..<size])
    let function = try PlanFunction(
      AttackPresets.dataLeakageInFedAvg.plan, problem(client.weighted, client.update),
      PlanFunction.Known(
        labels: [3, 3], matched: client.update.sharedParameters, features: nil),
      scale: 1, precision: .f64)
    let distances = try [pixels, swapped].map { second in
      _ = try function.value(at: pixels + second)
      return function.seeds[0].squaredDistance
    }
    #expect(distances.min() ?? 1 < 1e-20)
    #expect(distances.max() ?? 0 > 1e-9)
  }

  @Test func attacksThatNeedTheOrderAreRefused() throws {
    let client = try Client()
    for kind in [AttackName.levenbergMarquardt, .dlg, .idlg] {
      let message = attackErrorMessage { _ = try client.run(AttackConfiguration(attack: kind)) }
      #expect(
        message?.contains("\(kind.rawValue) needs to know the mini-batch order") == true,
        "\(message ?? "")")
    }
  }

  @Test func epochsAreSoughtApart() throws {
    let client = try Client()
    var plan = AttackPresets.dataLeakageInFedAvg.plan
    plan.labels = .known
    var configuration = AttackConfiguration(
      attack: .plan, precision: .f64, trials: 1, iterations: 400, snapshots: 3, plan: plan)
    configuration.seed = 2
    let result = try client.run(configuration, knownLabels: client.labels)
    #expect(result.images.shape == client.images.shape)
    let order = matchBatch(
      reconstructions: unstacked(result.images), originals: unstacked(client.images))
    for (index, original) in unstacked(client.images).enumerated() {
      let found = clamped(unstacked(result.images)[order[index]])
      #expect(ImageMetrics.peakSignalToNoiseRatio(found, original) > 12)
    }
  }

  @Test func autoLeavesOutWhatNeedsTheOrder() throws {
    let client = try Client()
    var configuration = AttackConfiguration(attack: .automatic, iterations: 5, snapshots: 0)
    configuration.seed = 1
    let result = try client.run(configuration, knownLabels: client.labels)
    #expect(result.trials.map(\.method.name) == ["data-leakage-in-fedavg"])
    #expect(
      result.skipped.map(\.attack) == ["lm", "inverting-gradients"], "\(result.skipped)")
    #expect(result.skipped.allSatisfy { $0.fact == .miniBatchOrder })
  }

  @Test(arguments: [
    ("epochs=separate", "labels=joint", "neither labels=joint"),
    ("epochs=shared", "prior.epochOrder=1", "separate epochs"),
    ("epochs=separate", "prior.group.seeds=2", "several group seeds"),
  ])
  func combinationsThatMakeNoSenseAreRefused(_ first: String, _ second: String, _ text: String)
    throws
  {
    let message = attackErrorMessage {
      var plan = OptimizationPlan()
      for setting in [first, second] {
        plan = try PlanDocument(setting: setting).applied(to: plan)
      }
    }
    #expect(message?.contains(text) == true, "\(message ?? "")")
  }
}

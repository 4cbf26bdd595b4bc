import Attacks
import CPUBackend
import Clients
import Solvers
import TensorGraph
import Testing

@Suite struct MaliciousServerTests {
  private static let shape: Shape = [3, 8, 8]

  /// Images of different brightness and contrast.
  private func images(_ count: Int, seed: UInt64) -> [Tensor] {
    var source = RandomSource(seed: seed)
    return (0..<count).map { _ in
      let low = 0.5 * source.uniform()
      let high = low + 0.1 + (0.9 - low) * source.uniform()
      return source.uniformTensor(MaliciousServerTests.shape, .f64, in: low..<high)
    }
  }

  private func batch(_ images: [Tensor], _ dtype: DType = .f64) -> Tensor {
    Tensor(
      Shape([images.count] + MaliciousServerTests.shape.dimensions), .f64(images.flatMap(\.doubles))
    ).converted(to: dtype)
  }

  private func distance(_ left: Tensor, _ right: Tensor) -> Double {
    zip(left.doubles, right.doubles).map { abs($0 - $1) }.max() ?? .infinity
  }

  private func leNet() throws -> Model {
    try ModelCatalog.model(
      named: "lenet", ModelOptions(inputShape: MaliciousServerTests.shape, classCount: 6))
  }

  // MARK: - Imprint

  @Test(arguments: [DType.f64, .f32]) func isolatedImagesAreImprinted(_ dtype: DType) throws {
    let server = try ImprintServer(model: leNet(), samples: images(500, seed: 1), bins: 24)
    let weighted = server.weights(seed: 0)
    let secret = images(12, seed: 2)
    let update = try weighted.share(
      images: batch(secret, dtype), labels: secret.indices.map { $0 % 6 },
      backend: AttackedClient.backend)
    let contents = server.contents(of: update)
    let bins = secret.map(server.bin)
    #expect(Set(bins) == Set(contents.map(\.bin)))
    var isolated = 0
    for (index, bin) in bins.enumerated() where bins.count(where: { $0 == bin }) == 1 {
      isolated += 1
      let content = try #require(contents.first { $0.bin == bin })
      #expect(distance(content.image, secret[index]) < (dtype == .f64 ? 1e-8 : 2e-2))
    }
    #expect(isolated >= 3)
  }

  /// Copies tell exactly the bins that hold one image.
  @Test(arguments: [DType.f64, .f32], 1...3) func copiesProveWhoIsAlone(
    _ dtype: DType, seed: Int
  ) throws {
    let server = try ImprintServer(
      model: leNet(), samples: images(500, seed: 1), bins: 16, copies: 3)
    let weighted = server.weights(seed: 0)
    let secret = images(12, seed: UInt64(10 + seed))
    let update = try weighted.share(
      images: batch(secret, dtype), labels: secret.indices.map { $0 % 6 },
      backend: AttackedClient.backend)
    let contents = server.contents(of: update)
    let bins = secret.map(server.bin)
    #expect(Set(bins) == Set(contents.map(\.bin)))
    let alone = Set(bins.filter { bin in bins.count(where: { $0 == bin }) == 1 })
    let proved = Set(contents.filter { $0.isSingle == true }.map(\.bin))
    #expect(contents.allSatisfy { $0.isSingle != nil })
    #expect(proved == alone && proved.count < contents.count && proved.count > 1)
    for content in contents where content.isSingle == true {
      let original = try #require(zip(bins, secret).first { $0.0 == content.bin }?.1)
      #expect(distance(content.image, original) < (dtype == .f64 ? 1e-8 : 2e-2))
    }
  }

  /// Two classes of a linear model: every image acts on the copies alike, so that rank one proves nothing.
  @Test func copiesOfAModelWithOneOutputProveNothing() throws {
    let linear = Model(
      name: "linear", inputShape: MaliciousServerTests.shape, classCount: 2
    ) { scope, images in scope["output"].linear(images.flattenedPerSample(), to: 2) }
    let server = try ImprintServer(
      model: linear, samples: images(500, seed: 1), bins: 16, copies: 3)
    let secret = images(12, seed: 11)
    let update = try server.weights(seed: 0).share(
      images: batch(secret), labels: secret.indices.map { $0 % 2 },
      backend: AttackedClient.backend)
    let contents = server.contents(of: update)
    #expect(contents.count > 3 && contents.allSatisfy { $0.isSingle == nil })
  }

  @Test func theExpectedShareIsThatOfChance() {
    #expect(ImprintServer.expectedIsolatedCount(count: 1, bins: 7) == 1)
    var source = RandomSource(seed: 3)
    var total = 0
    let rounds = 2000
    for _ in 0..<rounds {
      let bins = (0..<10).map { _ in source.integer(below: 16) }
      total += bins.count { bin in bins.count { $0 == bin } == 1 }
    }
    let expected = ImprintServer.expectedIsolatedCount(count: 10, bins: 16)
    #expect(abs(Double(total) / Double(rounds) - expected) < 0.2)
  }

  @Test func equallyBrightSamplesAreRefused() throws {
    let grey = Tensor(MaliciousServerTests.shape, .f64, repeating: 0.5)
    #expect(
      attackErrorMessage {
        _ = try ImprintServer(model: leNet(), samples: [grey, grey], bins: 8)
      }?.hasPrefix("all 2 sample images are equally bright") == true)
  }

  // MARK: - Trap weights

  @Test func unitsThatFireForOneImageGiveItAway() throws {
    let model = try ModelCatalog.model(
      named: "mlp",
      ModelOptions(inputShape: MaliciousServerTests.shape, classCount: 6, width: 200, depth: 1))
    let secret = images(6, seed: 4)
    let traps = try TrapWeights(
      WeightedModel(untrained: model, seed: 0), samples: images(64, seed: 5), batchSize: 6, seed: 1)
    #expect(traps.scale > 0.3 && traps.scale < 1)
    let update = try traps.model.share(
      images: batch(secret), labels: [0, 1, 2, 3, 4, 5], backend: AttackedClient.backend)
    let contents = traps.contents(of: update)
    let found = secret.count { image in contents.contains { distance($0, image) < 1e-9 } }
    #expect(found >= 3)
    #expect(throws: AttackError.self) {
      try TrapWeights(
        WeightedModel(untrained: leNet(), seed: 0), samples: images(2, seed: 5), batchSize: 6,
        seed: 1)
    }
  }

  // MARK: - Fishing

  /// What is fished is the gradient that the image alone would have shared with the planted weights.
  @Test func classFishingLeavesOneImagesGradient() throws {
    let honest = WeightedModel(untrained: try leNet(), seed: 0)
    let server = try FishingServer(honest, target: 3)
    let planted = server.classWeights()
    let secret = images(9, seed: 6)
    let labels = [0, 1, 2, 3, 4, 5, 0, 1, 2]
    let update = try planted.share(
      images: batch(secret), labels: labels, backend: AttackedClient.backend)
    #expect(abs(server.count(in: update) - 1) < 1e-9)
    let isolated = try #require(server.isolated(update))
    let alone = try planted.share(
      images: batch([secret[3]]), labels: [3], backend: AttackedClient.backend)
    for (found, expected) in zip(isolated.gradients, alone.gradients) {
      #expect(distance(found, expected) < 1e-10)
    }
    let nothing = SharedUpdate(
      gradients: update.gradients.map { Tensor($0.shape, .f64, repeating: 0) }, batchSize: 9)
    #expect(server.isolated(nothing)?.batchSize == nil)
  }

  @Test func featureFishingCountsThoseBelow() throws {
    let honest = WeightedModel(untrained: try leNet(), seed: 0)
    let server = try FishingServer(honest, target: 2)
    let secret = images(5, seed: 7)
    let labels = [2, 2, 2, 2, 2]
    func shared(_ weighted: WeightedModel) throws -> SharedUpdate {
      try weighted.share(images: batch(secret), labels: labels, backend: AttackedClient.backend)
    }
    let all = try shared(server.classWeights())
    #expect(abs(server.count(in: all) - 5) < 1e-9)
    let mean = try #require(server.meanFeature(of: all))
    let below = server.count(in: try shared(server.featureWeights(threshold: mean)))
    #expect(below > 0.5 && below < 4.5)
    #expect(server.count(in: try shared(server.featureWeights(threshold: mean + 1e3))) > 4.99)
    #expect(server.count(in: try shared(server.featureWeights(threshold: mean - 1e3))) < 1e-9)
  }

  @Test func aClassThatIsNotThereIsRefused() throws {
    #expect(throws: AttackError.self) {
      try FishingServer(WeightedModel(untrained: leNet(), seed: 0), target: 6)
    }
  }
}

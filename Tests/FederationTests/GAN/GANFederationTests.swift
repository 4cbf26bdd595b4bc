import CPUBackend
import Clients
import Solvers
import TensorGraph
import Testing

@testable import Federation

@Suite struct GANFederationTests {
  /// Three clients of pictures of 12x12 in 4 classes, of which the first alone has the last; the model has 5.
  private struct Scene {
    let weighted: WeightedModel
    let settings: FederationSettings
    let attack: GANSettings
    let shards: [TrainingSet]

    init(seed: UInt64 = 3, fakes: Int = 6) throws {
      let model = try ModelCatalog.architecture(named: "lenet").model(
        ModelOptions(inputShape: [1, 12, 12], classCount: 5, activation: .leakyReLU, width: 3))
      var settings = FederationSettings()
      (settings.workers, settings.rounds, settings.batchSize) = (3, 3, 10)
      (settings.epochs, settings.miniBatch, settings.learningRate) = (1, 4, 0.01)
      settings.seed = seed
      self.settings = settings
      weighted = WeightedModel(untrained: model, seed: seed)
      var attack = GANSettings(targetClass: 3)
      attack.fakes = fakes
      self.attack = attack
      var source = RandomSource(seed: 5)
      let pixels = (0..<90).map { _ in (0..<144).map { _ in Float(source.uniform()) } }
      let data = PictureSource(shape: model.inputShape, labels: (0..<90).map { $0 % 4 }) {
        pixels[$0]
      }
      shards = data.shards(givingFirst: 3, of: 3, seed: 1).map(data.part)
    }

    func federation() throws -> GANFederation {
      try GANFederation(
        weighted, settings, attack, shards: shards, backend: TestScene.backend())
    }
  }

  @Test func theVictimAloneHasTheClass() throws {
    let labels = (0..<200).map { $0 % 5 }
    let source = PictureSource(shape: [1, 1, 1], labels: labels) { [Float($0)] }
    let shards = source.shards(givingFirst: 2, of: 4, seed: 7)
    #expect(shards[0].filter { labels[$0] == 2 }.count == 40)
    // As many others as of the class, at most.
    #expect(shards[0].count == 80)
    #expect(shards.dropFirst().allSatisfy { $0.count == 40 && !$0.contains { labels[$0] == 2 } })
    #expect(Set(shards.joined()).count == shards.joined().count)
    #expect(shards == source.shards(givingFirst: 2, of: 4, seed: 7))
    #expect(shards != source.shards(givingFirst: 2, of: 4, seed: 8))
  }

  @Test func stepsOfTheGeneratorRaiseTheModelsScore() throws {
    let scene = try Scene()
    let training = try GeneratorTraining(
      scene.weighted, scene.attack, seed: 1, backend: TestScene.backend())
    let weights = scene.weighted.parameters.map { $0.converted(to: .f32) }
    let first = try training.train(steps: 1, against: weights)
    let last = try training.train(steps: 60, against: weights)
    #expect(last.loss < first.loss)
    #expect(last.score > first.score)
    #expect(last.score > 0.5)
    let pictures = try training.pictures(40, label: 4)
    #expect(pictures.count == 40)
    #expect(pictures.labels.allSatisfy { $0 == 4 })
    #expect(pictures.pixels.allSatisfy { (0...1).contains($0) })
  }

  @Test func theGeneratorsGradientIsThatOfFiniteDifferences() throws {
    let generator = PictureGenerator([1, 5, 6])
    let builder = GraphBuilder()
    let noise = builder.input("noise", [3, PictureGenerator.latentSize], .f64)
    let own = generator.parameters.map { builder.input($0.name, $0.shape, .f64) }
    let pictures = generator.pictures(noise, parameters: own)
    #expect(pictures.shape == [3, 1, 5, 6])
    let loss = pictures.squared().sum()
    let function = try CompiledFunction(
      builder.function(computing: [loss] + loss.gradient(withRespectTo: own)),
      on: TestScene.backend())
    var source = RandomSource(seed: 2)
    var values = generator.parameters.map { $0.initializer.tensor($0.shape, .f64, from: &source) }
    function.bind(noise.handle, to: source.normalTensor(noise.shape, .f64))
    func value() throws -> Double {
      function.bind(own.map(\.handle), to: values)
      try function.run()
      return function.read(loss.handle).scalarValue
    }
    _ = try value()
    let gradients = loss.gradient(withRespectTo: own).map { function.read($0.handle).doubles }
    for (index, spec) in generator.parameters.enumerated() {
      let (kept, step) = (values[index], 1e-5)
      var numbers = kept.doubles
      let element = numbers.count / 2
      numbers[element] += step
      values[index] = Tensor(spec.shape, .f64(numbers))
      let above = try value()
      numbers[element] -= 2 * step
      values[index] = Tensor(spec.shape, .f64(numbers))
      let below = try value()
      values[index] = kept
      let expected = (above - below) / (2 * step)
      #expect(abs(gradients[index][element] - expected) < 1e-5 * (1 + abs(expected)))
    }
  }

  @Test func sameSeedsGiveTheSame() throws {
    func result(_ seed: UInt64) throws -> (weights: [Tensor], samples: [Float]) {
      let federation = try Scene(seed: seed).federation()
      for number in 0..<2 { _ = try federation.round(number) }
      return (federation.weights, try federation.samples(5).pixels)
    }
    let (first, again, other) = (try result(3), try result(3), try result(4))
    #expect(first.weights == again.weights)
    #expect(first.samples == again.samples)
    #expect(first.samples != other.samples)
  }

  @Test func theMaliciousClientSharesAnUpdateOfItsBatchAndFakes() throws {
    let scene = try Scene()
    let (federation, twin) = (try scene.federation(), try scene.federation())
    let (_, set) = try twin.adversarialBatch(0)
    let own = RoundPlan(scene.settings, round: 0).examples(of: 2, count: scene.shards[2].count)
    #expect(set.count == 16)
    #expect(set.labels.count { $0 == 4 } == 6)
    #expect(
      set.labels.filter { $0 != 4 }.sorted() == own.map { scene.shards[2].labels[$0] }.sorted())
    #expect(!set.labels.contains(3))
    // The mean is that of clients on their own, the malicious one having its batch and the fakes for a shard.
    let weights = scene.weighted.parameters.map { $0.converted(to: .f32) }
    var shares = try (0..<2).map { client in
      let share = try LocalTrainer(
        scene.weighted, scene.settings, shard: scene.shards[client], backend: TestScene.backend()
      ).share(worker: client, round: 0, weights: weights)
      return (tensors: share.tensors, examples: 10)
    }
    let gradients = PictureGradients(scene.weighted, backend: TestScene.backend())
    let malicious = try LocalTrainer.share(
      Array(0..<16), of: PictureShard(gradients, set), scene.settings, weights: weights)
    shares.append((malicious.tensors, 16))
    _ = try federation.round(0)
    #expect(federation.weights == ParameterVector(scene.weighted.model).mean(shares))
  }

  @Test func whoOnlyLooksOnChangesNothing() throws {
    let scene = try Scene(fakes: 0)
    let federation = try scene.federation()
    _ = try federation.round(0)
    let weights = scene.weighted.parameters.map { $0.converted(to: .f32) }
    let shares = try (0..<3).map { client in
      let share = try LocalTrainer(
        scene.weighted, scene.settings, shard: scene.shards[client], backend: TestScene.backend()
      ).share(worker: client, round: 0, weights: weights)
      return (tensors: share.tensors, examples: 10)
    }
    #expect(federation.weights == ParameterVector(scene.weighted.model).mean(shares))
  }

  @Test func aTappedGradientIsThatOfOnePicture() throws {
    let scene = try Scene()
    let federation = try scene.federation()
    _ = try federation.round(0)
    let tap = try federation.tap(ofVictims: 2, round: 5)
    #expect(tap.round == 5)
    #expect(tap.before == federation.weights)
    #expect(tap.batches[0]?.images == scene.shards[0].images([2]))
    #expect(tap.batches[0]?.labels == [3])
    var settings = scene.settings
    settings.epochs = nil
    let gradients = PictureGradients(scene.weighted, backend: TestScene.backend())
    let alone = try LocalTrainer.share(
      [2], of: PictureShard(gradients, scene.shards[0]), settings, weights: federation.weights)
    #expect(tap.shares[0] == alone.tensors)
  }

  @Test func settingsThatDoNotFitAreRefused() throws {
    let model = try Scene().weighted.model
    #expect(throws: FederationError.self) {
      try GANSettings(targetClass: 3).check(model, classes: 5)
    }
    #expect(throws: FederationError.self) {
      try GANSettings(targetClass: 4).check(model, classes: 4)
    }
    var settings = GANSettings(targetClass: 3)
    settings.generatorRate = 0
    #expect(throws: FederationError.self) { try settings.check(model, classes: 4) }
    settings.generatorRate = 0.01
    try settings.check(model, classes: 4)
  }
}

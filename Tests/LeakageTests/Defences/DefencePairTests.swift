import CPUBackend
import TensorGraph
import Testing

@testable import Clients
@testable import Defences
@testable import Solvers
@testable import Texts

/// Every defence, alone and behind every other: it acts, or is refused with a sentence.
@Suite struct DefencePairTests {
  /// One of each kind, strong enough to be seen in an update.
  private static let samples = [
    "gaussian:1e-3", "laplacian:1e-3", "prune:0.3", "top-k:0.5", "random-k:0.5", "dgc:0.5", "fp16",
    "bf16", "fp8-e4m3", "fp8-e5m2", "int8", "int8-stochastic", "qsgd:8", "terngrad", "signsgd",
    "clip:1e-3", "dp-sgd:1e-3,0.1", "freeze:2", "soteria:0.5", "lora:2", "precode:4", "transform:3",
    "mixup:0.4", "instahide:2", "secure-aggregation:2", "nvflare-percentile:30,1e-3",
    "nvflare-svt:0.5,10,10,0.01,1e-3", "nvflare-exclude:bias", "encrypt-layers:linear0",
    "flower-fixed-clipping:1e-3", "flower-local-dp:1e-3,1e-3,1,1e-5",
  ]

  private let weighted: WeightedModel
  private let companions: [Companion]

  init() throws {
    weighted = WeightedModel(
      untrained: try ModelCatalog.model(
        named: "mlp",
        ModelOptions(inputShape: [3, 4, 4], classCount: 3, activation: .sigmoid, width: 6)),
      seed: 0)
    var source = RandomSource(seed: 8)
    companions = (0..<8).map {
      Companion(image: source.uniformTensor([3, 4, 4], .f64), label: $0 % 3)
    }
  }

  /// As a simulated audit does it: the check first, with the server's model, then the update.
  private func share(
    _ chain: DefenceChain, count: Int, _ training: LocalTraining? = nil,
    loss: ClientLoss = .meanCrossEntropy
  ) throws(AttackError) -> DefendedUpdate {
    try chain.check(
      for: DefenceSetting(
        model: weighted.model, batchSize: count, training: training, loss: loss,
        companionCount: companions.count))
    var pipeline = DefencePipeline(chain, seed: 0)
    return try weighted.extended(for: chain, batchSize: count, seed: 5).share(
      images: weighted.model.fixtureBatch(count).images,
      labels: (0..<count).map { ($0 + 1) % 3 }, loss: loss, training: training,
      companions: companions, through: &pipeline, backend: AttackedClient.backend)
  }

  private func numbers(_ update: DefendedUpdate) -> [[Double]] {
    update.update.gradients.map(\.doubles)
  }

  @Test func everyKindHasASample() throws {
    let names = try Self.samples.map { try DefenceCatalog.defence($0).name }
    #expect(names.sorted() == DefenceCatalog.all.map(\.name).sorted())
  }

  @Test(arguments: samples)
  func aloneItActs(_ spec: String) throws {
    let plain = try share(.none, count: 2)
    let defended = try share(try DefenceChain(spec), count: 2)
    #expect(numbers(defended) != numbers(plain))
  }

  /// One gradient of one and of two images, several steps, several clients.
  @Test(arguments: 0..<4)
  func pairsActOrAreRefused(_ setting: Int) throws {
    let count = setting == 0 ? 1 : 2
    let training: LocalTraining? =
      switch setting {
      case 2:
        try LocalTraining(exampleCount: 2, miniBatchSize: 1, epochs: 2, learningRate: 0.1)
      case 3: try LocalTraining(clientSizes: [1, 1], miniBatchSize: 1, learningRate: 0.1)
      default: nil
      }
    let plain = numbers(try share(.none, count: count, training))
    var applied = 0
    for first in Self.samples {
      for second in Self.samples {
        do {
          let chain = try DefenceChain("\(first)+\(second)")
          let shared = try share(chain, count: count, training)
          #expect(numbers(shared) != plain, "\(chain)")
          applied += 1
        } catch let error as DefenceError {
          #expect(error.message.count > 20, "\(first)+\(second)")
        } catch let error as AttackError {
          #expect(error.message.count > 20, "\(first)+\(second)")
        }
      }
    }
    // Of the mean of several clients only noise is simulated.
    #expect(setting == 3 ? applied == 4 : applied > 250, "\(applied)")
  }

  /// Clipping at a norm that no gradient has, without noise, leaves the mean over examples as it was.
  @Test(arguments: ["mixup:0.4", "transform:3", "instahide:2", "lora:2"])
  func privateTrainingFollowsWhatChangesImagesOrModel(_ spec: String) throws {
    let alone = numbers(try share(try DefenceChain(spec), count: 2))
    let both = numbers(try share(try DefenceChain(spec + "+dp-sgd:1e6,0"), count: 2))
    #expect(alone.count == both.count)
    for (left, right) in zip(alone.joined(), both.joined()) { #expect(abs(left - right) < 1e-14) }
    let clipped = try share(try DefenceChain(spec + "+dp-sgd:1e-3,0"), count: 2)
    #expect(clipped.update.squaredNorm.squareRoot() <= 1e-3 * (1 + 1e-9))
  }

  @Test func privateTrainingKeepsTheLossesReduction() throws {
    let sum = try ClientLoss(.crossEntropy, reduction: .sum)
    let alone = numbers(try share(.none, count: 2, loss: sum))
    let both = numbers(try share(try DefenceChain("dp-sgd:1e6,0"), count: 2, loss: sum))
    for (left, right) in zip(alone.joined(), both.joined()) { #expect(abs(left - right) < 1e-14) }
    let weights = try ClientLoss(.crossEntropy, classWeights: [1, 2, 3])
    let chain = try DefenceChain("dp-sgd:1,1")
    #expect(throws: AttackError.self) { try share(chain, count: 2, loss: weights) }
    #expect(throws: Never.self) { try share(chain, count: 1, loss: weights) }
  }

  @Test func batchNormMixesExamplesInTraining() throws {
    let model = try ModelCatalog.model(
      named: "convnet", ModelOptions(inputShape: [3, 9, 9], classCount: 3, width: 2))
    let chain = try DefenceChain("dp-sgd:1,1")
    func message(_ count: Int, _ mode: ForwardMode?) -> String? {
      attackErrorMessage {
        try chain.check(for: DefenceSetting(model: model, batchSize: count, mode: mode))
      }
    }
    #expect(message(2, .training)?.contains("batch norm") == true)
    #expect(message(1, .training) == nil && message(2, .evaluation) == nil)
    #expect(message(2, nil) == nil)
  }

  /// Also those that do not stand next to each other.
  @Test(arguments: [
    ("secure-aggregation:2+gaussian:1+prune:0.5", "only noise"),
    ("lora:2+fp16+soteria:0.5", "lora"),
    ("lora:2+secure-aggregation:2", "only noise"), ("mixup+secure-aggregation:2", "leave out"),
    ("precode+fp16+dp-sgd:1,1", "precode"), ("lora:2+lora:3", "once"),
    ("mixup+instahide:2", "once"),
  ])
  func impossibleChainsAreRefused(_ text: String, _ words: String) {
    let error = #expect(throws: DefenceError.self) { try DefenceChain(text) }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }

  @Test func otherClientsTransformToo() throws {
    let image = weighted.model.fixtureBatch(1).images
    func encoded(_ spec: String) throws -> [Double] {
      try DefencePipeline(try DefenceChain(spec), seed: 0).encode(
        images: image, labels: [0], classCount: 3, companions: [companions[0]]
      ).images.doubles
    }
    // 29 inverts.
    let plain = try encoded("secure-aggregation:2")
    let inverted = try encoded("transform:29+secure-aggregation:2")
    #expect(plain.count == 96 && inverted.count == 96)
    for (left, right) in zip(plain, inverted) { #expect(abs(1 - left - right) < 0.5 / 255 + 1e-9) }
  }

  /// Subnormal numbers, whose scale would not fit.
  @Test func theLeastNumbersAreRounded() throws {
    var pipeline = DefencePipeline(try DefenceChain("fp8-e4m3"), seed: 0)
    let shared = pipeline.apply(
      [Tensor([2], .f64([Double.leastNonzeroMagnitude, -Double.leastNonzeroMagnitude]))],
      batchSize: 1)
    #expect(shared.update.gradients[0].doubles.allSatisfy { abs($0) < 1e-300 })
  }

  /// A defence of images or of their model is no defence of texts.
  @Test(arguments: samples)
  func onTextsOnlyUpdatesAreDefended(_ spec: String) throws {
    let client = TextClient(defences: try DefenceChain(spec))
    let model = try TextModel(
      TextModelConfiguration(
        architecture: .bert, vocabularySize: 40, width: 8, layers: 1, heads: 2, positions: 12,
        head: .classification(classes: 2)))
    let message = attackErrorMessage { try client.check(batchSize: 1, of: model) }
    if spec.hasPrefix("encrypt-layers") {
      #expect(message?.contains("no layer") == true)
      return
    }
    #expect((message != nil) == !client.defences.needsOnlyTheUpdate, "\(message ?? "")")
    #expect(message?.contains("texts") ?? true)
  }
}

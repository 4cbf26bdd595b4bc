import TensorGraph
import Testing

@testable import Attacks
@testable import Clients
@testable import Defences
@testable import Solvers

/// Defences that need the client's model, and the attacks that answer them.
@Suite struct ClientDefenceTests {
  private func share(
    _ spec: String, _ weighted: WeightedModel, _ images: Tensor, _ labels: [Int],
    companions: [Companion] = [], loss: ClientLoss = .meanCrossEntropy
  ) throws -> DefendedUpdate {
    var pipeline = DefencePipeline(try DefenceChain(spec), seed: 0)
    return try weighted.share(
      images: images, labels: labels, loss: loss, companions: companions, through: &pipeline,
      backend: AttackedClient.backend)
  }

  private func attack(
    _ shared: DefendedUpdate, _ weighted: WeightedModel, isAdaptive: Bool = true
  ) throws -> AttackResult {
    try AttackProblem(
      weighted, update: shared.update,
      configuration: AttackConfiguration(attack: .automatic, trials: 2, iterations: 300),
      counter: isAdaptive ? shared.counterAttack : .none, backend: AttackedClient.backend
    ).run()
  }

  private func psnr(_ images: Tensor, _ truth: Tensor) -> Double {
    ImageMetrics.peakSignalToNoiseRatio(
      meanSquaredError: ImageMetrics.meanSquaredError(
        images, Tensor(images.shape, .f64(truth.doubles))))
  }

  /// For r = σ(W x + b) the sensitivity is σ'(z) ‖Wᵢ‖ / σ(z) = (1 - rᵢ) ‖Wᵢ‖.
  @Test func sensitivitiesOfASigmoidLayerAreKnown() throws {
    let model = try ModelCatalog.model(
      named: "mlp",
      ModelOptions(
        inputShape: [1, 4, 4], classCount: 3, activation: .sigmoid, width: 6, depth: 1))
    let weighted = WeightedModel(untrained: model, seed: 3)
    let images = model.fixtureBatch(1).images
    let found = try weighted.representation(
      of: images, mode: .evaluation, backend: AttackedClient.backend)
    #expect(found.featureCount == 6)
    let (weight, bias) = (weighted.parameters[0].doubles, weighted.parameters[1].doubles)
    for feature in 0..<6 {
      let row = weight[feature * 16..<(feature + 1) * 16]
      let z = zip(row, images.doubles).reduce(bias[feature]) { $0 + $1.0 * $1.1 }
      let r = 1 / (1 + exponential(-z))
      let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs(found.sensitivities[feature] - (1 - r) * norm) < 1e-12)
    }
  }

  private func exponential(_ x: Double) -> Double {
    // Series, so that no mathematics library is imported: |x| is small here.
    var (sum, term) = (1.0, 1.0)
    for k in 1..<60 {
      term *= x / Double(k)
      sum += term
    }
    return sum
  }

  /// The hidden columns of the last weight's gradient are 0, all else is as it was; and the attack that
  /// leaves them out gets the image back where the one that takes them for gradients does not.
  @Test func soteriaHidesColumnsAndIsAnswered() throws {
    let client = try AttackedClient.leNet()
    let shared = try share("soteria:0.5", client.weighted, client.images, client.labels)
    let classifier = try #require(client.weighted.model.classifier)
    for (index, gradient) in shared.update.gradients.enumerated() where index != classifier.weight {
      #expect(gradient == client.update.gradients[index])
    }
    let weight = shared.update.gradients[classifier.weight]
    let plain = client.update.gradients[classifier.weight].doubles
    let features = weight.shape[1]
    let hidden = (0..<features).filter { column in
      (0..<weight.shape[0]).allSatisfy { weight.doubles[$0 * features + column] == 0 }
    }
    #expect(hidden.count == features / 2)
    for (index, value) in weight.doubles.enumerated() where !hidden.contains(index % features) {
      #expect(value == plain[index])
    }
    let adaptive = try attack(shared, client.weighted)
    #expect(psnr(adaptive.images, client.images) > 60)
    let naive = try attack(shared, client.weighted, isAdaptive: false)
    #expect(psnr(naive.images, client.images) < psnr(adaptive.images, client.images) - 20)
  }

  /// Fresh adapters change nothing, and B's gradient is W's, projected: ∂B = ∂W Aᵀ.
  @Test func adaptersShareAProjectionOfTheGradient() throws {
    let client = try AttackedClient.leNet()
    let adapted = client.weighted.withAdapters(rank: 2, seed: 5)
    let names = adapted.model.parameters.map(\.name)
    #expect(names.count == 8)
    #expect(adapted.model.buffers.map(\.name) == client.weighted.model.parameters.map(\.name))
    let shared = try share("lora:2", adapted, client.images, client.labels)
    for (index, spec) in client.weighted.model.parameters.enumerated() where spec.shape.rank >= 2 {
      let down = try #require(names.firstIndex(of: spec.name + ".lora_A"))
      let up = try #require(names.firstIndex(of: spec.name + ".lora_B"))
      #expect(shared.update.gradients[down].doubles.allSatisfy { $0 == 0 })
      let rows = adapted.parameters[down]
      let (rank, inputs) = (rows.shape[0], rows.shape[1])
      let gradient = client.update.gradients[index].doubles
      for output in 0..<spec.shape[0] {
        for component in 0..<rank {
          let expected = (0..<inputs).reduce(0.0) {
            $0 + gradient[output * inputs + $1] * rows.doubles[component * inputs + $1]
          }
          let found = shared.update.gradients[up].doubles[output * rank + component]
          #expect(abs(found - expected) < 1e-12)
        }
      }
    }
    #expect(shared.plainByteCount < 4 * client.weighted.model.parameterCount)
  }

  /// Enough of a projection is as good as the gradient.
  @Test func adaptersOfHighRankLeak() throws {
    let client = try AttackedClient.leNet()
    let adapted = client.weighted.withAdapters(rank: 48, seed: 5)
    let shared = try share("lora:48", adapted, client.images, client.labels)
    let result = try attack(shared, adapted)
    #expect(psnr(result.images, client.images) > 60)
    #expect(result.labels == client.labels)
  }

  /// What comes back of a mixed image is the mixture, to rounding.
  @Test(arguments: ["mixup:1", "instahide:2"]) func encodingsComeBack(_ spec: String) throws {
    let client = try AttackedClient.leNet()
    var source = RandomSource(seed: 8)
    let other = Companion(image: source.uniformTensor([3, 8, 8], .f64), label: 1)
    let shared = try share(
      spec, client.weighted, client.images, client.labels, companions: [other])
    #expect(shared.counterAttack.hasMixedLabels)
    #expect(shared.labels == nil)
    let encoding = try #require(shared.encodings)[0]
    let result = try attack(shared, client.weighted)
    #expect(psnr(result.images, encoding) > 60)
    #expect(psnr(result.images, client.images) < 40)
  }

  /// The gradient of one-hot shares is that of the labels.
  @Test func sharesOfOneAreLabels() throws {
    let client = try AttackedClient.leNet()
    let oneHot = Tensor([1, 5], .f64([0, 0, 0, 1, 0]))
    let step = try client.weighted.step(
      images: client.images, labels: oneHot, form: .probabilities, loss: .meanCrossEntropy,
      training: nil, mode: .evaluation, backend: AttackedClient.backend)
    for (left, right) in zip(step.update.gradients, client.update.gradients) {
      for (left, right) in zip(left.doubles, right.doubles) { #expect(abs(left - right) < 1e-14) }
    }
  }

  /// The sum of two clients, attacked as one batch, gives up both clients' images.
  @Test func aSumOfTwoClientsIsALargerBatch() throws {
    let client = try AttackedClient.leNet(width: 16)
    var source = RandomSource(seed: 8)
    let other = Companion(image: source.uniformTensor([3, 8, 8], .f64), label: 1)
    let shared = try share(
      "secure-aggregation:2", client.weighted, client.images, client.labels, companions: [other])
    #expect(shared.update.batchSize == 2)
    let result = try attack(shared, client.weighted)
    let size = client.images.doubles.count
    let found = (0..<2).map {
      Tensor([3, 8, 8], .f64(Array(result.images.doubles[$0 * size..<($0 + 1) * size])))
    }
    let truth = Tensor([3, 8, 8], .f64(client.images.doubles))
    let match = matchBatch(reconstructions: found, originals: [truth])
    #expect(match.count == 1)
    #expect(psnr(found[match[0]], truth) > 30)
  }

  @Test func whatCannotBeSimulatedIsSaid() throws {
    let client = try AttackedClient.leNet()
    let training = try LocalTraining(
      exampleCount: 1, miniBatchSize: 1, epochs: 2, learningRate: 0.1)
    for spec in ["soteria:0.5", "precode"] {
      var pipeline = DefencePipeline(try DefenceChain(spec), seed: 0)
      let message = attackErrorMessage {
        _ = try client.weighted.share(
          images: client.images, labels: client.labels, training: training, through: &pipeline,
          backend: AttackedClient.backend)
      }
      #expect(message?.contains("local steps") == true, "\(message ?? "")")
    }
  }
}

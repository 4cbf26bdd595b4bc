import Attacks
import Clients
import TensorGraph
import Testing

@Suite struct ResidualPeelingTests {
  /// A residual network of 16 x 16 pixels: 4x4 positions meet 48 channels at its end.
  private func client(
    _ name: String = "resnet20", _ activation: Activation = .relu, labels: [Int] = [3],
    seed: UInt64 = 0
  ) throws -> AttackedClient {
    var options = ModelOptions(width: 12)
    options.activation = activation
    options.inputShape = [3, 16, 16]
    return try AttackedClient(
      ModelCatalog.model(named: name, options), labels: labels, seed: seed)
  }

  @Test(arguments: [UInt64(0), 1])
  func aResidualNetworkIsReadExactly(_ seed: UInt64) throws {
    let client = try client(seed: seed)
    let result = try client.attack(AttackConfiguration(attack: .residualPeeling))
    #expect(client.psnr(of: result.images) > 150)
    #expect(result.labels == [3])
    #expect(result.diagnosis?.verdict == .recovered)
    // The first layers are too wide for equations of their own.
    #expect(result.layers.first?.name == "layer3.2.conv2.weight")
    #expect(result.layers.last?.isOpen == false)
    #expect(result.layers.dropLast().allSatisfy { $0.equations >= $0.unknowns })
  }

  @Test(arguments: [[3, 1], [4, 4]]) func aBatchIsReadExactly(_ labels: [Int]) throws {
    let client = try client(labels: labels)
    let result = try client.attack(AttackConfiguration(attack: .residualPeeling))
    let (found, truth) = (unstacked(result.images), unstacked(client.images))
    for (image, original) in zip(matchBatch(reconstructions: found, originals: truth), truth) {
      #expect(ImageMetrics.meanSquaredError(found[image], original) < 1e-15)
    }
    #expect(result.labels.sorted() == labels.sorted())
    #expect(result.diagnosis?.verdict == .recovered)
  }

  @Test(arguments: [UInt64(0), 1]) func numbersOfF32DoAsWell(_ seed: UInt64) throws {
    let client = try client(seed: seed)
    let update = SharedUpdate(
      gradients: client.update.gradients.map { $0.converted(to: .f32) }, batchSize: 1,
      relativeRounding: 1e-15)
    let result = try problem(client.weighted, update).run(ResidualPeelingAttack())
    #expect(client.psnr(of: result.images) > 80)
  }

  /// What convolutions read is an average of values there, which the weight's gradient gives, and not the values.
  @Test func anAveragePoolingIsReadExactly() throws {
    var options = ModelOptions(width: 12)
    options.inputShape = [3, 9, 9]
    options.pooling = .average
    let client = try AttackedClient(
      ModelCatalog.model(named: "convnet", options), labels: [3], seed: 0)
    let result = try client.attack(AttackConfiguration(attack: .residualPeeling))
    #expect(client.psnr(of: result.images) > 150)
    #expect(result.diagnosis?.verdict == .recovered)
  }

  @Test func theAutomaticAttackTriesIt() throws {
    let client = try client()
    let result = try client.attack(AttackConfiguration())
    #expect(client.psnr(of: result.images) > 150)
    #expect(result.trials.map(\.method.name) == ["residual peeling"])
    #expect(result.diagnosis?.verdict == .recovered)
  }

  @Test(arguments: [
    ("vit", Activation.gelu, "affine between its activations"),
    ("resnet20", .sigmoid, "only the slope of a rectifier"),
  ])
  func whatItCannotReadIsRefused(
    _ name: String, _ activation: Activation, _ words: String
  ) throws {
    let client = try AttackedClient(
      ModelCatalog.model(named: name, ModelOptions(activation: activation, width: 12)), labels: [1])
    let message = attackErrorMessage {
      _ = try client.attack(AttackConfiguration(attack: .residualPeeling))
    }
    #expect(message?.contains(words) == true, "\(message ?? "none")")
  }
}

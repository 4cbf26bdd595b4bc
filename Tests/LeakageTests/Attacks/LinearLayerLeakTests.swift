import Attacks
import Clients
import TensorGraph
import Testing

extension AttackedClient {
  static func tinyPerceptron(
    _ activation: Activation = .relu, labels: [Int] = [1]
  ) throws -> AttackedClient {
    try AttackedClient(
      ModelCatalog.model(
        named: "mlp",
        ModelOptions(
          inputShape: [3, 5, 4], classCount: 6, activation: activation, width: 9, depth: 2)),
      labels: labels)
  }
}

/// The largest difference of elements.
private func distance(_ left: Tensor, _ right: Tensor) -> Double {
  zip(left.doubles, right.doubles).map { abs($0 - $1) }.max() ?? .infinity
}

@Suite struct LinearLayerLeakTests {
  /// Exact for any activation, ReLU included: the rule needs no derivative of the objective.
  @Test(arguments: [Activation.relu, .gelu, .sigmoid])
  func isExactOnAPerceptron(_ activation: Activation) throws {
    let client = try AttackedClient.tinyPerceptron(activation, labels: [4])
    let result = try client.attack(AttackConfiguration(attack: .linear))
    #expect(result.images.shape == client.images.shape)
    #expect(distance(result.images, client.images) < 1e-12)
    #expect(result.labels == [4])
    #expect(result.trials.map(\.reason) == [.solved])
    #expect(result.snapshots.isEmpty)
  }

  @Test(arguments: ["lenet", "convnet", "resnet20", "vgg11", "vit"])
  func modelsWithoutAFullyConnectedFirstLayerAreRefused(_ name: String) throws {
    let model = try ModelCatalog.model(named: name, ModelOptions(width: 12))
    #expect(
      attackErrorMessage { _ = try LinearLayerLeak(model: model) }
        == "\(name) does not begin with a fully connected layer, so no row of a gradient is a "
        + "multiple of the input (a convolution's sums over positions); try the model mlp, or "
        + "the attack peeling or dlg")
  }

  @Test func aFirstLayerWithoutBiasIsRefused() throws {
    let model = Model(name: "bare", inputShape: [1, 2, 2], classCount: 3) { scope, images in
      let weight = scope["first"].parameter("weight", [5, 4], .kaimingUniform(fanIn: 4))
      return scope["last"].linear(
        images.reshape(to: [images.shape[0], 4]).linear(weight: weight).tanh(), to: 3)
    }
    #expect(
      attackErrorMessage { _ = try LinearLayerLeak(model: model) }
        == "the first layer of bare has no bias, whose gradient the closed form divides by; "
        + "use the attack auto")
  }

  @Test func aBatchIsRefused() throws {
    let client = try AttackedClient.tinyPerceptron(labels: [0, 1])
    let message = attackErrorMessage {
      _ = try client.attack(AttackConfiguration(attack: .linear))
    }
    #expect(message?.contains("this update comes from 2") == true)
    #expect(message?.contains("use the attack dlg") == true)
  }

  /// Units that were all inactive share nothing: said, not divided by zero.
  @Test func aDeadLayerIsSaid() throws {
    let client = try AttackedClient.tinyPerceptron()
    let silent = SharedUpdate(
      gradients: client.update.gradients.map { Tensor($0.shape, .f64, repeating: 0) },
      batchSize: 1)
    let leak = try LinearLayerLeak(model: client.weighted.model)
    #expect(
      attackErrorMessage { _ = try leak.reconstruct(silent) }?
        .hasPrefix("the first layer's bias has no gradient") == true)
  }
}

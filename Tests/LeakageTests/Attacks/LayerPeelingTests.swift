import Attacks
import Clients
import TensorGraph
import Testing

@Suite struct LayerPeelingTests {
  @Test(arguments: [Activation.sigmoid, .tanh, .leakyReLU, .softplus, .elu, .gelu, .silu])
  func isExactOnALeNet(_ activation: Activation) throws {
    let client = try AttackedClient.leNet(activation, labels: [2])
    let result = try client.attack(AttackConfiguration(attack: .peeling))
    #expect(client.psnr(of: result.images) > 100)
    #expect(result.labels == [2])
    #expect(result.trials.map(\.reason) == [.solved])
    #expect(
      result.layers.map(\.name) == [
        "fc.0.weight", "body.4.weight", "body.2.weight", "body.0.weight",
      ])
    #expect(result.layers.allSatisfy { $0.equations >= $0.unknowns && $0.condition >= 1 })
    #expect(result.layers.allSatisfy { $0.relativeResidual < 1e-9 })
  }

  @Test func aWideReLUNetworkIsReadExactly() throws {
    let client = try AttackedClient.leNet(.relu, labels: [2], width: 32)
    let result = try client.attack(AttackConfiguration(attack: .peeling))
    #expect(client.psnr(of: result.images) > 100)
    #expect(result.diagnosis?.verdict == .recovered)
    // Values behind a ReLU that are 0 give no equation.
    let first = try #require(result.layers.last)
    let outputs = 32 * 4 * 4
    #expect(first.equations > first.unknowns)
    #expect(first.equations < outputs + 32 * 3 * 25)
    #expect(result.layers.map(\.isDetermined) == [true, true, true, true])
  }

  @Test func aNarrowReLUNetworkIsNotDetermined() throws {
    let client = try AttackedClient.leNet(.relu, labels: [2], width: 2)
    let result = try client.attack(AttackConfiguration(attack: .peeling))
    #expect(result.layers.map(\.isDetermined).contains(false))
    #expect(result.diagnosis?.verdict == .notDetermined)
  }

  @Test(arguments: [
    // Global average pooling comes before the first skip connection.
    ("resnet20", "cannot undo reduce_sum"), ("vgg11", "layer peeling cannot undo"),
    ("convnet", "layer peeling cannot undo"), ("vit", "layer peeling"),
  ])
  func modelsThatAreNoChainAreRefused(_ name: String, _ words: String) throws {
    let model = try ModelCatalog.model(named: name, ModelOptions(width: 12))
    let message = attackErrorMessage {
      _ = try LayerPeeling(model: model, backend: AttackedClient.backend)
    }
    #expect(message?.contains(words) == true)
    #expect(message?.contains("use the attack auto") == true)
  }

  @Test func aSkipConnectionIsRefused() throws {
    let model = Model(name: "residual", inputShape: [1, 2, 2], classCount: 3) { scope, images in
      let x = images.reshape(to: [images.shape[0], 4])
      return scope["last"].linear(x + scope["first"].linear(x, to: 4).tanh(), to: 3)
    }
    let message = attackErrorMessage {
      _ = try LayerPeeling(model: model, backend: AttackedClient.backend)
    }
    #expect(message?.contains("two meet at node") == true)
    #expect(message?.contains("a skip connection, perhaps") == true)
  }

}

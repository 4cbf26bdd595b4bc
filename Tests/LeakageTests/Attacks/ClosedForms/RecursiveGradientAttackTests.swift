import Foundation
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients

@Suite struct RecursiveGradientAttackTests {
  private func small() throws -> Model {
    try ModelCatalog.model(named: "cnn6", ModelOptions(inputShape: [3, 8, 8], width: 12))
  }

  @Test(arguments: [0, 1]) func isExactOnASmallCNN6(_ label: Int) throws {
    for seed in UInt64(0)..<3 {
      let client = try AttackedClient(small(), labels: [label], seed: seed)
      let result = try client.attack(AttackConfiguration(attack: .rGap))
      #expect(client.psnr(of: result.images) > 60)
      #expect(result.labels == [label])
      #expect(result.layers.count == 7)
    }
  }

  /// The equation's solutions, at both sides of its turning point.
  @Test func marginsSolveTheirEquation() {
    for margin in [-30.0, -2, -0.1, 0, 0.3, 1.2, 1.4, 5, 20] {
      let product = -margin / (1 + exp(margin))
      let found = RecursiveGradientAttack.margins(product: product)
      #expect(found.count == (margin > 0 ? 2 : 1))
      #expect(found.contains { abs($0 - margin) < 1e-6 * (1 + abs(margin)) })
    }
    #expect(RecursiveGradientAttack.margins(product: -0.3).isEmpty)
    #expect(RecursiveGradientAttack.margins(product: .nan).isEmpty)
  }

  @Test func otherModelsAreRefused() throws {
    let client = try AttackedClient.leNet()
    #expect(
      attackErrorMessage { _ = try client.attack(AttackConfiguration(attack: .rGap)) }
        == "R-GAP needs a model with a single logit and no bias in its last layer, and lenet has 5 "
        + "classes; use the model cnn6, or the attack peeling")
  }

  @Test func batchesAreRefused() throws {
    let client = try AttackedClient(small(), labels: [0, 1])
    #expect(
      attackErrorMessage { _ = try client.attack(AttackConfiguration(attack: .rGap)) }?
        .hasPrefix("R-GAP reads one example off a gradient") == true)
  }

  @Test func theModelHasItsOwnActivationAndClasses() {
    #expect(throws: ModelError.self) {
      try ModelCatalog.model(named: "cnn6", ModelOptions(classCount: 3))
    }
    #expect(throws: ModelError.self) {
      try ModelCatalog.model(named: "cnn6", ModelOptions(activation: .relu))
    }
  }

  // MARK: - Rank analysis

  @Test func everyLayerOfCNN6IsDetermined() throws {
    let analysis = try RankAnalysis(
      WeightedModel(untrained: small(), seed: 0), seed: 0, backend: AttackedClient.backend)
    #expect(analysis.layers.map(\.name).first == "body.6.layer.weight")
    #expect(analysis.isDetermined)
  }

  /// 4 outputs and 25 weights for 49 inputs: the rank cannot exceed 29.
  @Test func aDeficitIsCounted() throws {
    let model = Model(name: "short", inputShape: [1, 7, 7], classCount: 2) { scope, images in
      let hidden = scope["first"].convolution(images, to: 1, kernel: 5, stride: 2).tanh()
      return scope["last"].linear(hidden.flattenedPerSample(), to: 2)
    }
    let analysis = try RankAnalysis(
      WeightedModel(untrained: model, seed: 0), seed: 0, backend: AttackedClient.backend)
    let first = try #require(analysis.layers.last)
    #expect(first.unknowns == 49 && first.equations == 29)
    #expect((20...29).contains(first.rank))
    #expect(!analysis.isDetermined)
  }
}

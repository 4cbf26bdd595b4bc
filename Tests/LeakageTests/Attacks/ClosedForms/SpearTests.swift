import Attacks
import CPUBackend
import Clients
import Solvers
import TensorGraph
import Testing

@Suite struct SpearTests {
  private func perceptron(
    _ activation: Activation = .relu, width: Int = 120, classes: Int = 7
  ) throws -> Model {
    try ModelCatalog.model(
      named: "mlp",
      ModelOptions(
        inputShape: [1, 8, 8], classCount: classes, activation: activation, width: width, depth: 2))
  }

  /// For each private image the largest difference from the nearest reconstruction, and its label.
  private func check(_ client: AttackedClient, _ result: AttackResult) {
    let pixels = client.weighted.model.inputShape.elementCount
    let (found, truth) = (result.images.doubles, client.images.doubles)
    for image in client.labels.indices {
      let nearest = client.labels.indices.map { candidate -> Double in
        var largest = 0.0
        for pixel in 0..<pixels {
          let difference = found[candidate * pixels + pixel] - truth[image * pixels + pixel]
          largest = max(largest, abs(difference))
        }
        return largest
      }
      let best = nearest.indices.min { nearest[$0] < nearest[$1] } ?? 0
      #expect(nearest[best] < 1e-6)
      #expect(result.labels[best] == client.labels[image])
    }
  }

  /// Exact for whole batches, labels included, whatever repeats among them.
  @Test(arguments: [2, 3, 5, 8]) func readsWholeBatches(_ count: Int) throws {
    let labels = (0..<count).map { $0 * 3 % 7 }
    let client = try AttackedClient(perceptron(), labels: labels, seed: 5)
    let result = try client.attack(AttackConfiguration(attack: .spear))
    check(client, result)
    #expect(result.trials.map(\.reason) == [.solved])
    #expect(result.diagnosis?.verdict == .recovered)
  }

  /// With no fewer images than classes the last layer does not tell them apart.
  @Test func theAutomaticAttackTakesIt() throws {
    let client = try AttackedClient(perceptron(classes: 3), labels: [1, 1, 2, 0], seed: 2)
    let result = try client.attack(AttackConfiguration())
    check(client, result)
    #expect(result.trials.map(\.method.name) == ["spear"])
  }

  @Test func theSameSeedDrawsTheSame() throws {
    let client = try AttackedClient(perceptron(), labels: [0, 1, 2], seed: 1)
    let first = try client.attack(AttackConfiguration(attack: .spear, seed: 3))
    let second = try client.attack(AttackConfiguration(attack: .spear, seed: 3))
    #expect(first.images == second.images)
  }

  @Test func activationsWithoutZerosAreRefused() throws {
    let client = try AttackedClient(perceptron(.sigmoid), labels: [0, 1])
    let message = attackErrorMessage {
      _ = try client.attack(AttackConfiguration(attack: .spear))
    }
    #expect(message?.hasPrefix("SPEAR needs a ReLU after the first layer") == true)
  }

  @Test func repeatedImagesAreSaid() throws {
    let model = try perceptron()
    let weighted = WeightedModel(untrained: model, seed: 0)
    var source = RandomSource(seed: 1)
    let image = source.uniformTensor([1, 1, 8, 8], .f64).doubles
    let update = try weighted.share(
      images: Tensor([2, 1, 8, 8], .f64(image + image)), labels: [0, 1],
      backend: AttackedClient.backend)
    let spear = try Spear(weighted, backend: AttackedClient.backend)
    let message = attackErrorMessage { _ = try spear.reconstruct(update, seed: 0) }
    #expect(message?.contains("the rank is 1, not 2") == true)
  }

  @Test func tooFewUnitsAreSaid() throws {
    let client = try AttackedClient(perceptron(width: 12), labels: [0, 1, 2, 3])
    let message = attackErrorMessage {
      _ = try client.attack(AttackConfiguration(attack: .spear))
    }
    #expect(message?.hasPrefix("SPEAR needs many more active units than examples") == true)
  }

  @Test func modelsWithoutAFullyConnectedFirstLayerAreRefused() throws {
    let client = try AttackedClient.leNet(.relu, labels: [0, 1])
    let message = attackErrorMessage {
      _ = try client.attack(AttackConfiguration(attack: .spear))
    }
    #expect(message?.contains("does not begin with a fully connected layer") == true)
  }
}

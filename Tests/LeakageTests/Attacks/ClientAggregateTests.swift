import CPUBackend
import Foundation
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients
@testable import Defences

/// Attacks on the mean of several clients' updates.
@Suite struct ClientAggregateTests {
  /// Clients that share the mean of what they train.
  private struct Clients {
    let weighted: WeightedModel
    let images: Tensor
    let labels: [Int]
    let training: LocalTraining
    let update: SharedUpdate

    init(
      _ name: String = "lenet", sizes: [Int], labels: [Int], miniBatch: Int = 8, epochs: Int = 1,
      mode: ForwardMode = .evaluation
    ) throws {
      let model = try AttackedClient.smallModel(name, width: name == "lenet" ? nil : 8)
      weighted = WeightedModel(untrained: model, seed: 0)
      images = model.fixtureBatch(labels.count).images
      self.labels = labels
      training = try LocalTraining(
        clientSizes: sizes, miniBatchSize: miniBatch, epochs: epochs, learningRate: 0.1)
      update = try weighted.share(
        images: images, labels: labels, training: training, mode: mode,
        backend: AttackedClient.backend)
    }

    func examples(_ tensor: Tensor) -> [Tensor] {
      let size = tensor.shape.elementCount / tensor.shape[0]
      return (0..<tensor.shape[0]).map {
        Tensor([3, 8, 8], .f64(Array(tensor.doubles[$0 * size..<($0 + 1) * size])))
      }
    }

    /// The worst of the batch, matched to the originals, in dB.
    func worstPSNR(_ kind: AttackName, plan: OptimizationPlan? = nil, knowsLabels: Bool = false)
      throws -> Double
    {
      var configuration = AttackConfiguration(attack: kind, trials: 3, snapshots: 0, plan: plan)
      configuration.solvedBelow = 1e-14
      let result = try AttackProblem(
        weighted, update: update, configuration: configuration,
        knownLabels: knowsLabels ? labels : nil, backend: AttackedClient.backend
      ).run()
      let (found, originals) = (examples(result.images), examples(images))
      let order = matchBatch(reconstructions: found, originals: originals)
      return originals.indices.map {
        ImageMetrics.peakSignalToNoiseRatio(found[order[$0]], originals[$0])
      }.min() ?? -.infinity
    }
  }

  /// The mean of updates that clients share one by one, weighted by their examples.
  private func meanOfSeparateUpdates(_ clients: Clients, mode: ForwardMode) throws -> [[Double]] {
    let examples = clients.examples(clients.images)
    var beginning = 0
    var sum = clients.update.gradients.map { [Double](repeating: 0, count: $0.shape.elementCount) }
    for size in clients.training.clientSizes {
      let own = Array(beginning..<beginning + size)
      beginning += size
      let alone = try clients.weighted.share(
        images: Tensor([size, 3, 8, 8], .f64(own.flatMap { examples[$0].doubles })),
        labels: own.map { clients.labels[$0] },
        training: LocalTraining(
          exampleCount: size, miniBatchSize: clients.training.miniBatchSize,
          epochs: clients.training.epochs, learningRate: clients.training.learningRate),
        mode: mode, backend: ReferenceInterpreter())
      for (index, tensor) in alone.gradients.enumerated() {
        for (place, value) in tensor.doubles.enumerated() {
          sum[index][place] += value * Double(size) / Double(clients.labels.count)
        }
      }
    }
    return sum
  }

  @Test(arguments: [ForwardMode.evaluation, .training])
  func theUpdateIsTheMeanOfSeparateOnes(mode: ForwardMode) throws {
    for (name, epochs) in [("lenet", 2), ("lenet", 1), ("resnet20", 1)] {
      let clients = try Clients(
        name, sizes: [2, 1], labels: [3, 1, 0], miniBatch: epochs == 2 ? 1 : 2, epochs: epochs,
        mode: mode)
      let expected = try meanOfSeparateUpdates(clients, mode: mode)
      for (tensor, values) in zip(clients.update.gradients, expected) {
        for (left, right) in zip(tensor.doubles, values) {
          #expect(abs(left - right) < 1e-9 * (1 + abs(right)), "\(name) \(mode)")
        }
      }
    }
  }

  /// One step each is the gradient of the joint batch, unless batch norm mixes a client's examples.
  @Test func oneStepIsTheJointGradient() throws {
    let clients = try Clients(sizes: [2, 1], labels: [3, 1, 0])
    let joint = try clients.weighted.share(
      images: clients.images, labels: clients.labels, backend: AttackedClient.backend)
    #expect(clients.update.gradients == joint.gradients)
    #expect(clients.update.joiningClients(clients.weighted.model, .training).training == nil)
    let normalized = try Clients("resnet20", sizes: [2, 1], labels: [3, 1, 0])
    let model = normalized.weighted.model
    #expect(normalized.update.joiningClients(model, .evaluation).training == nil)
    #expect(normalized.update.joiningClients(model, .training).training != nil)
    let summed = try ClientLoss(.crossEntropy, reduction: .sum)
    #expect(!clients.training.isJointGradient(of: model, summed, .evaluation))
  }

  @Test func closedFormsReadTheJointGradient() throws {
    let clients = try Clients("mlp", sizes: [1, 1], labels: [3, 1])
    let message = attackErrorMessage { _ = try clients.worstPSNR(.linear) }
    #expect(message?.contains("comes from 2") == true, "\(message ?? "")")
    #expect(try clients.worstPSNR(.levenbergMarquardt) > 60)
  }

  @Test func severalStepsOfSeveralClientsAreFollowed() throws {
    let clients = try Clients(sizes: [1, 1], labels: [3, 1], epochs: 2)
    #expect(try clients.worstPSNR(.levenbergMarquardt) > 60)
    var plan = AttackPresets.dlg.plan
    plan.labels = .known
    #expect(try clients.worstPSNR(.plan, plan: plan, knowsLabels: true) > 40)
    #expect(
      attackErrorMessage { _ = try clients.worstPSNR(.peeling) }?.contains("mean of 2 clients")
        == true)
  }

  @Test func labelsOfAllClientsAreCounted() throws {
    let labels = [0, 1, 1, 3, 3, 3, 4, 4]
    let clients = try Clients(sizes: [4, 4], labels: labels, miniBatch: 2, epochs: 2)
    let found = try LabelRecovery.labels(
      of: clients.update, after: clients.training, clients.weighted, seed: 0,
      backend: AttackedClient.backend)
    #expect(LabelRecovery.accuracy(try #require(found), labels) >= 7.0 / 8)
  }

  /// Equal clients can be exchanged, their mini-batches cannot.
  @Test func labelsAreSpreadOverClients() throws {
    func arrangements(_ labels: [Int], _ sizes: [Int], _ size: Int) throws -> [[Int]]? {
      try LocalTraining(clientSizes: sizes, miniBatchSize: size, learningRate: 1)
        .arrangements(of: labels, limit: 30)
    }
    #expect(try arrangements([1, 3], [1, 1], 1) == [[1, 3]])
    #expect(try arrangements([0, 1, 2], [2, 1], 2) == [[0, 1, 2], [0, 2, 1], [1, 2, 0]])
    #expect(try arrangements([0, 1, 2, 3], [2, 2], 1)?.count == 12)
    #expect(try arrangements([0, 1, 2, 3], [4], 1)?.count == 24)
  }

  /// Secure aggregation hides a client in the same mean.
  @Test func secureAggregationOfSeveralSteps() throws {
    let clients = try Clients(sizes: [1, 1], labels: [3, 1], epochs: 2)
    let images = clients.examples(clients.images)
    var pipeline = DefencePipeline(try DefenceChain("secure-aggregation:2"), seed: 0)
    let shared = try clients.weighted.share(
      images: Tensor([1, 3, 8, 8], .f64(images[0].doubles)), labels: [3],
      training: LocalTraining(exampleCount: 1, miniBatchSize: 1, epochs: 2, learningRate: 0.1),
      companions: [Companion(image: images[1], label: 1)], through: &pipeline,
      backend: AttackedClient.backend)
    #expect(shared.update.training == clients.update.training)
    for (left, right) in zip(shared.update.gradients, clients.update.gradients) {
      for (left, right) in zip(left.doubles, right.doubles) { #expect(abs(left - right) < 1e-12) }
    }
  }

  @Test func defencesOfOneClientAreRefused() throws {
    let clients = try Clients(sizes: [1, 1], labels: [3, 1])
    for spec in ["prune:0.5", "secure-aggregation:2", "gaussian:1e-9"] {
      var pipeline = DefencePipeline(try DefenceChain(spec), seed: 0)
      let message = attackErrorMessage {
        _ = try clients.weighted.share(
          images: clients.images, labels: clients.labels, training: clients.training,
          through: &pipeline, backend: AttackedClient.backend)
      }
      #expect((message == nil) == (spec == "gaussian:1e-9"), "\(spec): \(message ?? "")")
    }
  }
}

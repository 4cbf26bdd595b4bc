import Foundation
import ModelIO
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients
@testable import Defences

/// PRECODE's random layer, and the attack that reads its noise.
@Suite struct VariationalBottleneckTests {
  private func share(
    _ client: AttackedClient, _ weighted: WeightedModel, seed: UInt64 = 0,
    _ spec: String = "precode:6"
  ) throws -> DefendedUpdate {
    var pipeline = DefencePipeline(try DefenceChain(spec), seed: seed)
    return try weighted.share(
      images: client.images, labels: client.labels, through: &pipeline,
      backend: AttackedClient.backend)
  }

  private func attack(
    _ shared: DefendedUpdate, _ weighted: WeightedModel, _ kind: AttackName = .automatic,
    isAdaptive: Bool = true
  ) throws -> AttackResult {
    try AttackProblem(
      weighted, update: shared.update,
      configuration: AttackConfiguration(attack: kind, trials: 1, iterations: 300),
      counter: isAdaptive ? shared.counterAttack : .none, backend: AttackedClient.backend
    ).run()
  }

  /// Loss and all gradients are PyTorch's; see scripts/fixtures/defences-precode.py.
  @Test func gradientsArePyTorchs() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let goldens = try SafetensorsFile(
      contentsOf: folder.appendingPathComponent("Fixtures/defences/precode.safetensors").path
    ).tensors()
    let model = try ModelCatalog.model(
      named: "mlp",
      ModelOptions(
        inputShape: [1, 2, 3], classCount: 4, activation: .sigmoid, width: 5, depth: 1)
    ).withVariationalBottleneck(size: 3, batchSize: 2)
    let names = [
      "linear0": "first", "linear1": "last", "precode.encoder": "encoder",
      "precode.decoder": "decoder",
    ]
    func golden(_ spec: ParameterSpec, _ suffix: String = "") throws -> Tensor {
      let end = try #require(spec.name.lastIndex(of: "."))
      let layer = try #require(names[String(spec.name[..<end])])
      return try #require(goldens[layer + spec.name[end...] + suffix])
    }
    let weighted = WeightedModel(
      model: model, parameters: try model.parameters.map { try golden($0) },
      buffers: [try #require(goldens["noise"])])
    let step = try weighted.step(
      images: #require(goldens["images"]),
      labels: #require(goldens["labels"]).doubles.map { Int($0) },
      backend: AttackedClient.backend)
    #expect(abs(step.loss - (try #require(goldens["loss"])).doubles[0]) < 1e-12)
    #expect(model.parameters.count == 8)
    for (spec, gradient) in zip(model.parameters, step.update.gradients) {
      for (found, expected) in zip(gradient.doubles, try golden(spec, ".gradient").doubles) {
        #expect(abs(found - expected) < 1e-12, "\(spec.name)")
      }
    }
  }

  /// Every round has noise of its own, which the pipeline's seed decides.
  @Test func noiseIsSeeded() throws {
    let client = try AttackedClient.leNet()
    let extended = try client.weighted.withVariationalBottleneck(size: 6, seed: 1)
    let first = try share(client, extended).update.gradients
    #expect(try share(client, extended).update.gradients == first)
    #expect(try share(client, extended, seed: 1).update.gradients != first)
    var pipeline = DefencePipeline(try DefenceChain("precode:6"), seed: 0)
    let rounds = try (0..<2).map { _ in
      try extended.share(
        images: client.images, labels: client.labels, through: &pipeline,
        backend: AttackedClient.backend
      ).update.gradients
    }
    #expect(rounds[0] == first && rounds[1] != first)
  }

  /// The update of one image tells the noise that its client drew.
  @Test func theNoiseIsReadOffTheUpdate() throws {
    let client = try AttackedClient.leNet()
    let extended = try client.weighted.withVariationalBottleneck(size: 6, seed: 1)
    let shared = try share(client, extended)
    let read = extended.readingNoise(of: shared.update)
    let noise = try #require(read.model.bottleneck).noise
    #expect(read.buffers[noise] != extended.buffers[noise])
    let again = try read.share(
      images: client.images, labels: client.labels, backend: AttackedClient.backend)
    for (left, right) in zip(again.gradients, shared.update.gradients) {
      for (left, right) in zip(left.doubles, right.doubles) { #expect(abs(left - right) < 1e-9) }
    }
  }

  /// The attack that starts before the noise gets the image back to rounding; gradient matching with
  /// noise of its own does not, and with the noise that it reads it does.
  @Test func precodeIsAnswered() throws {
    let client = try AttackedClient.leNet()
    let extended = try client.weighted.withVariationalBottleneck(size: 6, seed: 1)
    let shared = try share(client, extended)
    #expect(shared.counterAttack.readsNoise && shared.counterAttack.isNone)
    let adaptive = try attack(shared, extended)
    #expect(client.psnr(of: adaptive.images) > 100)
    #expect(adaptive.labels == client.labels)
    let search = try attack(shared, extended, .levenbergMarquardt)
    #expect(client.psnr(of: search.images) > 60)
    let naive = try attack(shared, extended, .levenbergMarquardt, isAdaptive: false)
    #expect(client.psnr(of: naive.images) < 30)
  }

  @Test func whereItDoesNotFitIsSaid() throws {
    let message = attackErrorMessage {
      let model = try ModelCatalog.model(named: "cnn6", ModelOptions())
      let once = try model.withVariationalBottleneck(size: 2)
      _ = try once.withVariationalBottleneck(size: 2)
    }
    #expect(message?.contains("precode needs a fully") == true)
    #expect(throws: DefenceError.self) { try DefenceChain("precode+dp-sgd:1,1") }
    #expect(throws: DefenceError.self) { try DefenceChain("lora:2+precode") }
  }
}

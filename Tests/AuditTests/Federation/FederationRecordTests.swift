import Attacks
import CPUBackend
import Clients
import Federation
import Foundation
import ModelIO
import TensorGraph
import TestSupport
import Texts
import Testing

@testable import Audit

@Suite struct FederationRecordTests {
  private func record(_ seen: [FederationRecord.Seen]) -> FederationRecord {
    var record = FederationRecord(
      plan: FederationPlan(
        settings: FederationSettings(), model: ModelChoice(), data: FederationData(.photographs)),
      adversary: .none, model: "lenet", parameterCount: 1, heldOutCount: 1, rightBefore: 0)
    record.observations = seen
    return record
  }

  private func seen(
    _ observer: Observer, round: Int, examples: Int, full: Int = 0, recognisable: Int = 0,
    undetermined: Int = 0
  ) -> FederationRecord.Seen {
    var seen = FederationRecord.Seen(
      observer: observer, round: round, workers: [1], share: 1, file: "\(observer)-\(round)",
      examples: examples)
    (seen.full, seen.recognisable, seen.undetermined) = (full, recognisable, undetermined)
    return seen
  }

  @Test func picturesOfOneUpdateAreOneUnit() {
    let record = record([
      seen(.server, round: 1, examples: 8, recognisable: 8),
      seen(.server, round: 2, examples: 8, recognisable: 3, undetermined: 5),
      seen(.server, round: 3, examples: 8),
      seen(.worker, round: 1, examples: 56, undetermined: 56),
    ])
    let rate = record.rate(of: .server)
    #expect((rate.leaked, rate.undetermined, rate.count) == (11, 5, 24))
    #expect(rate.units == SuccessRate(successes: 2, count: 3))
    #expect(rate.undeterminedUnits == 0)
    let one = record.rate(of: .server, round: 1)
    #expect(one.interval == SuccessRate(successes: 1, count: 1).interval)
    // An attack that was cut short says nothing either way.
    let open = record.rate(of: .worker)
    #expect(open.interval == 0...1)
    #expect(!open.isStopped)
  }

  @Test func anAttackThatWasCutShortFindsNothingSafe() {
    #expect(
      record([seen(.worker, round: 1, examples: 4, undetermined: 4)]).finding
        == "No private image came back from what was seen; what another worker could read is not determined, as the "
        + "attack did not end")
    #expect(
      record([
        seen(.server, round: 1, examples: 1, full: 1, recognisable: 1),
        seen(.worker, round: 1, examples: 4, undetermined: 4),
      ]).finding
        == "Private images came back in full to the server; what another worker could read is not determined, as the "
        + "attack did not end")
    #expect(
      record([seen(.worker, round: 1, examples: 4)]).finding
        == "No private image came back from what was seen; better attacks may get some")
  }

  // MARK: - Planted weights

  private func plan(_ change: (inout FederationPlan) -> Void = { _ in }) -> FederationPlan {
    var settings = FederationSettings()
    (settings.workers, settings.batchSize, settings.tapped) = (3, 4, [0])
    var data = FederationData(.photographs)
    (data.count, data.heldOut) = (24, 100)
    var model = ModelChoice()
    model.size = 8
    var plan = FederationPlan(settings: settings, model: model, data: data)
    change(&plan)
    return plan
  }

  private var backend: CPUBackend { CPUBackend(CPUBackend.Options(threadCount: 1)) }

  /// Three workers' mean gradient of planted weights, which is all that a server sees of a masked sum.
  @Test(arguments: [Adversary.robbingTheFed, .trapWeights])
  func plantedWeightsTellPicturesOfTheSum(_ adversary: Adversary) throws {
    let plan = plan { plan in
      if adversary == .robbingTheFed {
        plan.imprintBins = 64
      } else {
        plan.model.name = "mlp"
        plan.model.width = 200
      }
    }
    let scene = try plan.scene()
    let planted = try #require(PlantedScene(adversary, plan, scene, backend: backend))
    let weights = try planted.plant(scene.weights)
    var shares: [(tensors: [Tensor], examples: Int)] = []
    var batches: [RoundTap.Batch] = []
    for worker in 0..<3 {
      let shard = try scene.shard(of: worker, plan, backend: backend)
      let share = try LocalTrainer(plan.settings, shard: shard).share(
        worker: worker, round: 0, weights: weights)
      shares.append((share.tensors, share.examples.count))
      batches.append(shard.batch(share.examples))
    }
    let batch = scene.examples(batches, "sum")
    let reading = PlantedReading(
      name: "sum",
      outcome: try planted.read(scene.vector.mean(shares), planted: weights, batch: batch),
      batch: batch)
    #expect(reading.levels.count == 12)
    // Bins lose those that share one; all others are exact. Traps lose more.
    let isolated = reading.outcome.record.images.map { $0.isIsolated ?? false }
    if adversary == .robbingTheFed {
      #expect(isolated.count { $0 } >= 6)
      for (level, isIsolated) in zip(reading.levels, isolated) where isIsolated {
        #expect(level == .full)
      }
    }
    #expect(reading.levels.count { $0 == .full } >= 3)
    #expect(!reading.outcome.record.findings.isEmpty)
  }

  /// Until something is planted in it, the block in front of a model changes none of its logits.
  @Test func anIdleBlockChangesNothing() throws {
    let plain = try plan().scene()
    let extended = try plan { $0.imprintBins = 16 }.scene()
    let plainEvaluator = try plain.evaluator(backend: backend)
    #expect(
      try plainEvaluator.rightCount(plain.weights)
        == extended.evaluator(backend: backend).rightCount(extended.weights))
    let images = plain.heldOut.images([0, 1])
    let backend = backend
    func logits(_ scene: FederationPlan.Scene) throws -> SharedUpdate {
      try scene.weighted.share(images: images, labels: [0, 1], backend: backend)
    }
    let (a, b) = (try logits(plain), try logits(extended))
    let names = extended.weighted.model.parameters.map(\.name)
    for (index, parameter) in plain.weighted.model.parameters.enumerated() {
      let other = try #require(names.firstIndex(of: parameter.name))
      for (x, y) in zip(a.gradients[index].doubles, b.gradients[other].doubles) {
        #expect(abs(x - y) < 1e-6)
      }
    }
  }

  // MARK: - Texts

  @Test func textsAreSharedOutAndAttacked() throws {
    let folder = TestFolder()
    let names = ["bad", "good"]
    for (index, name) in names.enumerated() {
      let lines = BundledText.privateTexts.enumerated().filter { $0.offset % 2 == index }
      try lines.map(\.element).joined(separator: "\n")
        .write(toFile: folder.path + "/\(name).txt", atomically: true, encoding: .utf8)
    }
    let source = try #require(FederationData.Source(folder.path))
    #expect(source == .texts(.folder(folder.path)))
    var settings = FederationSettings()
    (settings.workers, settings.batchSize) = (4, 2)
    let plan = FederationPlan(
      settings: settings, model: ModelChoice(name: BundledText.modelName),
      data: FederationData(source))
    #expect(plan.data.kind == .texts)
    #expect(try FederationPlan(text: plan.text) == plan)
    let scene = try plan.read(backend: backend)
    let shard = try scene.shard(of: 1, plan, backend: backend)
    #expect(shard.count == 4)
    let share = try LocalTrainer(settings, shard: shard).share(
      worker: 1, round: 0, weights: scene.weights)
    #expect(share.tensors.map(\.shape) == scene.weights.map(\.shape))
    let batch = shard.batch(share.examples)
    for (text, label) in zip(batch.texts, batch.labels) {
      let place = try #require(BundledText.privateTexts.firstIndex(of: text))
      #expect(place % 2 == label)
    }
    // What the server saw, through the files that the scene writes.
    var tap = RoundTap(round: 0, before: scene.weights)
    tap.batches[1] = batch
    tap.shares[1] = share.tensors
    tap.inClear = [1]
    let tapped = TappedUpdates(
      plan, scene, attack: AttackConfiguration(TextAttackKind.automatic), victims: [1],
      backend: backend)
    let out = try OutputFolder(folder.path + "/out")
    var results: TappedUpdates.Results?
    try out.replace { staged in
      results = try tapped.attack([tap], in: staged, folder: out) { _ in .proceed }
    }
    let seen = try #require(results?.seen.first)
    #expect(seen.observer == .server)
    #expect((seen.examples, seen.full) == (2, 2), "\(seen.verdict ?? "")")
    #expect(
      FileManager.default.fileExists(
        atPath: out.path(of: "server-worker-2-round-1.experiment.json")))
  }

  @Test func aFileOfTextsHasClassesOfChance() throws {
    let data = FederationData(.texts(.bundled))
    let (training, heldOut) = try data.readTexts(.bundled, workers: 4, seed: 1)
    #expect((training.texts.count, heldOut.texts.count) == (16, 4))
    #expect(Set(training.texts + heldOut.texts) == Set(BundledText.privateTexts))
    #expect(Set(training.labels) == [0, 1])
    #expect(throws: FederationError.self) {
      try data.readTexts(.bundled, workers: 17, seed: 1)
    }
    #expect(FederationData.Source("no such thing") == nil)
  }
}

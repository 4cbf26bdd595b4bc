import Attacks
import CPUBackend
import Clients
import ModelIO
import TensorGraph
import Testing

@testable import Audit

@Suite struct PrivateExampleTests {
  private func preparation(_ width: Int, _ height: Int, _ inputShape: Shape) -> String? {
    let picture = Image(width: width, height: height, red: 255, green: 51, blue: 0)
    let example = PrivateExample(name: "x", picture: picture, label: 1, inputShape: inputShape)
    #expect(example.image.shape == inputShape && example.image.dtype == .f64)
    // A picture of one colour stays one, whatever is cut off.
    let expected = inputShape[0] == 3 ? [1, 0.2, 0] : [106.0 / 255]
    let area = inputShape[1] * inputShape[2]
    for (index, value) in example.image.doubles.enumerated() {
      #expect(abs(value - expected[index / area]) < 1e-9)
    }
    return example.preparation
  }

  @Test func saysWhatWasDone() {
    #expect(preparation(8, 6, [3, 6, 8]) == nil)
    #expect(preparation(16, 12, [3, 6, 8]) == "resized from 16x12 to 8x6")
    #expect(
      preparation(16, 6, [3, 6, 8]) == "cropped to its centre, resized from 16x6 to 8x6")
    #expect(preparation(8, 6, [1, 6, 8]) == "turned to grey")
    #expect(
      preparation(3, 9, [1, 2, 2])
        == "turned to grey, cropped to its centre, resized from 3x9 to 2x2")
  }

  @Test func anotherLabelChangesNothingElse() {
    let example = PrivateExample(
      name: "x", image: Tensor([1, 1, 1], .f64([0.5])), label: 1, preparation: "turned to grey")
    let other = example.labelled(4)
    #expect(other.label == 4 && other.name == "x" && other.preparation == "turned to grey")
    #expect(other.image == example.image)
  }
}

@Suite struct SimulatedAuditTests {
  private let audit: SimulatedAudit
  private let model: Model

  init() throws {
    model = try ModelCatalog.model(
      named: "lenet", ModelOptions(inputShape: [3, 12, 12], classCount: 5))
    audit = SimulatedAudit(
      WeightedModel(
        model: model, parameters: model.initialParameters(seed: 0, dtype: .f64).map(\.tensor),
        buffers: []),
      activation: "sigmoid", weights: .drawn(seed: 0),
      backend: CPUBackend(CPUBackend.Options(threadCount: 1)))
  }

  private func example(_ name: String, label: Int) throws -> PrivateExample {
    let picture = try #require(BundledImages.image(named: name, size: 32))
    return PrivateExample(name: name, picture: picture, label: label, inputShape: model.inputShape)
  }

  @Test func recoversItsImage() throws {
    let example = try example("chelsea", label: 3)
    let outcome = try audit.run(
      [example], configuration: AttackConfiguration(attack: .dlg, iterations: 2000, snapshots: 5))
    let record = outcome.record
    let image = try #require(record.images.first)
    #expect(image.isRecovered == true && image.recoveredLabel == 3)
    #expect((image.psnr?.value ?? 0) > 40)
    #expect((image.ssim?.value ?? 0) > 0.99)
    // Knowing nothing is far worse.
    #expect((image.randomGuessPSNR?.value ?? 99) < 15 && (image.greyImagePSNR?.value ?? 99) < 20)
    #expect(outcome.originals == [example.image])
    let found = outcome.reconstructions[0].doubles
    #expect(found.allSatisfy { (0...1).contains($0) })

    #expect(record.tool == GradleakVersion.current && record.version == RunRecord.currentVersion)
    #expect(record.model.name == "lenet" && record.model.parameterCount == model.parameterCount)
    #expect(record.update.batchSize == 1 && record.update.norm.value > 0)
    #expect(record.matchingLoss == record.trials[record.bestTrial].matchingLoss)
    #expect(record.trace.first?.iteration == 0)
    #expect(record.trace.last?.psnr == image.psnr)
    #expect(!outcome.wasInterrupted)

    let frames = outcome.frames[0]
    #expect(frames.count == 5)
    #expect(frames.map(\.iteration) == frames.map(\.iteration).sorted())
    #expect(frames.first?.iteration == 0)
    #expect(frames.last?.image == outcome.reconstructions[0])
  }

  /// A gradient says nothing of the order of its batch; the outcome is in the client's.
  @Test func putsABatchInItsOrder() throws {
    let batch = [try example("coffee", label: 1), try example("rocket", label: 4)]
    for batch in [batch, batch.reversed()] {
      let outcome = try audit.run(
        batch, configuration: AttackConfiguration(attack: .dlg, trials: 8, iterations: 3000))
      #expect(outcome.record.images.map(\.name) == batch.map(\.name))
      #expect(outcome.record.images.map(\.trueLabel) == batch.map(\.label))
      #expect(outcome.record.images.allSatisfy { $0.isRecovered == true })
      #expect(outcome.record.update.batchSize == 2)
    }
  }

  @Test func sameSeedSameRecord() throws {
    let batch = [try example("hubble", label: 0)]
    let configuration = AttackConfiguration(attack: .dlg, seed: 5, trials: 2, iterations: 30)
    let outcomes = try (0..<2).map { _ in try audit.run(batch, configuration: configuration) }
    #expect(outcomes[0].record == outcomes[1].record)
    #expect(outcomes[0].reconstructions == outcomes[1].reconstructions)
    // The seed of the dummy data is not that of the weights.
    let other = try audit.run(
      batch, configuration: AttackConfiguration(attack: .dlg, seed: 6, iterations: 30))
    #expect(other.record.update.fingerprint == outcomes[0].record.update.fingerprint)
    #expect(other.record.trace != outcomes[0].record.trace)
  }

  @Test func interruptionKeepsTheBestSoFar() throws {
    let batch = [try example("retina", label: 2)]
    var measured: [Double] = []
    let outcome = try audit.run(batch, configuration: AttackConfiguration(attack: .dlg)) {
      progress, found in
      if progress.solver.iteration % 10 == 0 { measured.append(found.score()) }
      return progress.solver.iteration == 20 ? .stop(.interrupted) : .proceed
    }
    #expect(outcome.wasInterrupted)
    // What the trace says of the same iterations.
    #expect(measured.count == 3 && measured.first == outcome.record.trace.first?.psnr?.value)
    #expect(measured.last == outcome.record.trace.last?.psnr?.value)
    #expect(outcome.record.trials.map(\.reason) == [.interrupted])
    #expect(outcome.record.trials[0].iterations == 20)
    let loss = outcome.record.matchingLoss.value
    #expect(loss <= outcome.record.trace[0].matchingLoss.value)
  }

  @Test func noFramesWhenNoneAreAskedFor() throws {
    let batch = [try example("retina", label: 2)]
    for count in [0, 1] {
      let outcome = try audit.run(
        batch,
        configuration: AttackConfiguration(attack: .dlg, trials: 1, iterations: 3, snapshots: count)
      )
      #expect(outcome.frames.map(\.count) == [count])
    }
  }

  @Test func anAttackThatDoesNotApplySaysSo() throws {
    let batch = [try example("retina", label: 2)]
    #expect(throws: AttackError.self) {
      try audit.run(batch, configuration: AttackConfiguration(attack: .linear))
    }
  }
}

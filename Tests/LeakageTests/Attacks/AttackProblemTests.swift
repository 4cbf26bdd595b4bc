import TensorGraph
import Testing

@testable import Attacks

@Suite struct AttackProblemTests {
  @Test(arguments: [AttackName.dlg, .idlg], [Precision.f32, .f64])
  func recoversImageAndLabel(_ attack: AttackName, _ precision: Precision) throws {
    let client = try AttackedClient.leNet(labels: [3])
    let result = try client.attack(
      AttackConfiguration(attack: attack, precision: precision, iterations: 1500))
    #expect(result.images.shape == [1, 3, 8, 8])
    #expect(client.psnr(of: result.images) > 40)
    #expect(result.labels == [3])
    #expect(result.matchingLoss < 1e-6 * client.update.squaredNorm)
    #expect(!result.wasInterrupted)
  }

  /// Both images of a gradient's mean come back, in whatever order.
  @Test func recoversABatch() throws {
    let client = try AttackedClient.leNet(labels: [1, 4])
    let result = try client.attack(AttackConfiguration(attack: .dlg, iterations: 3000))
    let size = client.images.shape.elementCount / 2
    func halves(_ batch: Tensor) -> [Tensor] {
      (0..<2).map { Tensor([3, 8, 8], .f64(Array(batch.doubles[$0 * size..<($0 + 1) * size]))) }
    }
    let (found, truth) = (halves(result.images), halves(client.images))
    let order = matchBatch(reconstructions: found, originals: truth)
    for (index, original) in truth.enumerated() {
      let quality = ReconstructionQuality(of: found[order[index]], original: original)
      #expect(quality.peakSignalToNoiseRatio > 40)
    }
    #expect(order.map { result.labels[$0] } == [1, 4])
  }

  @Test func sameSeedSameResult() throws {
    let client = try AttackedClient.leNet()
    let configuration = AttackConfiguration(attack: .dlg, seed: 7, trials: 2, iterations: 15)
    let results = try (0..<2).map { _ in try client.attack(configuration) }
    #expect(results[0].images == results[1].images)
    #expect(results[0].trials.map(\.matchingLoss) == results[1].trials.map(\.matchingLoss))
    #expect(results[0].trials.map(\.evaluations) == results[1].trials.map(\.evaluations))
    var other = configuration
    other.seed = 8
    let elsewhere = try client.attack(other)
    #expect(elsewhere.images != results[0].images)
  }

  @Test func stopsAtTheIterationLimitAndKeepsTheBestTrial() throws {
    let client = try AttackedClient.leNet()
    let result = try client.attack(AttackConfiguration(attack: .dlg, trials: 3, iterations: 4))
    #expect(result.trials.map(\.reason) == [.iterationLimit, .iterationLimit, .iterationLimit])
    #expect(result.trials.map(\.iterations) == [4, 4, 4])
    let losses = result.trials.map(\.matchingLoss)
    #expect(Set(losses).count == 3)
    #expect(result.matchingLoss == losses.min())
    #expect(losses[result.bestTrial] == result.matchingLoss)
    #expect(result.evaluations == result.trials.reduce(0) { $0 + $1.evaluations })
    // The last snapshot of the best trial is the reconstruction itself.
    #expect(
      result.snapshots.last { $0.trial == result.bestTrial }?.images == result.images)
    #expect(result.snapshots.first?.iteration == 0)
  }

  @Test func stopsAtTheTimeLimit() throws {
    let client = try AttackedClient.leNet()
    let result = try client.attack(AttackConfiguration(attack: .dlg, trials: 3, timeLimit: 1e-9))
    #expect(result.trials.map(\.reason) == [.timeLimit])
    #expect(result.trials[0].iterations == 0)
    let pixels = result.images.doubles
    #expect(pixels.allSatisfy { $0.isFinite })
  }

  @Test func stopsWhenTheObserverAsks() throws {
    let client = try AttackedClient.leNet()
    let result = try client.attack(AttackConfiguration(attack: .dlg, trials: 3)) {
      progress, images in
      guard progress.solver.iteration == 2 else { return .proceed }
      #expect(images().shape == [1, 3, 8, 8])
      #expect(progress.evaluations >= 2)
      return .stop(.interrupted)
    }
    #expect(result.trials.map(\.reason) == [.interrupted])
    #expect(result.wasInterrupted)
  }

  @Test func stopsAtTheFirstSolvedTrial() throws {
    let client = try AttackedClient.leNet()
    let result = try client.attack(
      AttackConfiguration(attack: .dlg, trials: 9, iterations: 2000, solvedBelow: 1e-3))
    #expect(result.trials.last?.reason == .solved)
    #expect(result.trials.dropLast().allSatisfy { $0.reason != .solved })
    #expect(result.matchingLoss <= 1e-3 * client.update.squaredNorm)
  }

  /// A run that fails in the middle of a search ends the attack with what failed.
  @Test(arguments: [AttackName.dlg, .idlg, .levenbergMarquardt, .peeling, .automatic], [0, 1, 20])
  func failedRunsAreSaid(_ attack: AttackName, runLimit: Int) throws {
    let client = try AttackedClient.leNet()
    let backend = CountingBackend(runLimit: runLimit)
    let message = attackErrorMessage {
      _ = try client.attack(AttackConfiguration(attack: attack), backend: backend)
    }
    #expect(message?.hasSuffix(": the device was lost") == true, "\(message ?? "no error")")
  }

  /// However many trials and iterations, the graph is built and planned once.
  @Test(arguments: [AttackName.dlg, .idlg]) func compilesOnce(_ attack: AttackName) throws {
    let client = try AttackedClient.leNet()
    let backend = CountingBackend()
    let result = try client.attack(
      AttackConfiguration(attack: attack, trials: 3, iterations: 3), backend: backend)
    #expect(result.trials.count == 3)
    #expect(backend.compilationCount == 1)
    #expect(backend.runCount == result.evaluations)
  }

  @Test func theTruthHasNoLoss() throws {
    let client = try AttackedClient.leNet(labels: [2])
    let function = try MatchingFunction(
      problem(client.weighted, client.update), labels: [2], precision: .f64)
    var gradient = [Double](repeating: .nan, count: function.dimension)
    let loss = try client.images.doubles.withUnsafeBufferPointer { point in
      try gradient.withUnsafeMutableBufferPointer { try function.evaluate(at: point, gradient: $0) }
    }
    #expect(loss < 1e-25 * client.update.squaredNorm)
    #expect(gradient.allSatisfy { abs($0) < 1e-12 })
  }

  @Test(arguments: [
    (AttackConfiguration(attack: .dlg, trials: 0), "0 trials: at least 1 is needed"),
    (AttackConfiguration(attack: .dlg, iterations: 0), "0 iterations: at least 1 is needed"),
    (AttackConfiguration(attack: .dlg, solvedBelow: .nan), "the matching loss to stop at is nan"),
    (AttackConfiguration(attack: .dlg, solvedBelow: -1), "the matching loss to stop at is -1.0"),
    (
      AttackConfiguration(attack: .dlg, timeLimit: 0),
      "a time limit of 0.0 seconds: it must be more than 0"
    ),
    (AttackConfiguration(attack: .dlg, timeLimit: .nan), "a time limit of nan seconds"),
    (AttackConfiguration(attack: .dlg, snapshots: -1), "-1 snapshots: 0 or more are needed"),
  ])
  func settingsOutOfRangeAreRefused(_ configuration: AttackConfiguration, _ words: String) throws {
    let client = try AttackedClient.leNet()
    let message = try #require(attackErrorMessage { _ = try client.attack(configuration) })
    #expect(message.hasPrefix(words))
  }

  @Test func anUpdateOfAnotherModelIsRefused() throws {
    let (client, other) = (try AttackedClient.leNet(), try AttackedClient.tinyPerceptron())
    let message = attackErrorMessage {
      _ = try AttackProblem(
        client.weighted, update: other.update, configuration: AttackConfiguration(attack: .dlg),
        backend: AttackedClient.backend)
    }
    #expect(message == "the update's tensors do not fit the parameters of lenet")
  }
}

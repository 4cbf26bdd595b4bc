import CPUBackend
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients
@testable import Solvers

/// Attacks on clients whose optimiser divides each number by its own size.
@Suite struct AdaptiveStepsTests {
  private func trained(
    _ model: Model? = nil, labels: [Int] = [2], miniBatch: Int? = nil, epochs: Int = 1,
    rate: Double = 1e-3, isSingle: Bool = false, isSmooth: Bool = false, by rule: StepRule
  ) throws -> TrainingClient {
    var rule = rule
    rule.areWeightsSingle = isSingle
    return try TrainingClient(
      model ?? AttackedClient.smallModel("lenet"),
      images: isSmooth ? AdaptiveStepsTests.smoothImages : nil, labels: labels,
      miniBatch: miniBatch,
      epochs: epochs, rate: rate, by: rule, trials: 2)
  }

  /// [1, 3, 8, 8], as photographs are: neighbours are alike.
  private static let smoothImages = Tensor(
    [1, 3, 8, 8],
    .f64(
      (0..<192).map { index in
        let (channel, row, column) = (index / 64, index / 8 % 8, index % 8)
        return [Double(row * column) / 49, 1 - Double(column) / 7, Double(row) / 7][channel]
      }))

  private static func rule(
    _ name: ClientOptimizer.Name, _ settings: [ClientOptimizer.Setting: Double] = [:]
  ) throws -> StepRule {
    StepRule(try ClientOptimizer(name, settings))
  }

  // MARK: - One step in f64

  private static let settings: [(ClientOptimizer.Name, [ClientOptimizer.Setting: Double])] = [
    (.adam, [:]), (.adam, [.weightDecay: 0.01]), (.adamW, [:]), (.adam, [.amsgrad: 1]),
    (.rmsProp, [:]), (.rmsProp, [.centered: 1, .momentum: 0.9]),
  ]

  @Test(arguments: 0..<6) func oneStepInDoublePrecisionTellsTheGradient(_ index: Int) throws {
    let (name, settings) = AdaptiveStepsTests.settings[index]
    let client = try trained(by: AdaptiveStepsTests.rule(name, settings))
    #expect(client.update.training?.isOneStep == false)
    let gradient = try client.weighted.share(
      images: client.images, labels: client.labels, backend: AttackedClient.backend)
    let found = try #require(client.update.undoingFirstStep(from: client.weighted.parameters))
    #expect(found.training == nil && found.relativeRounding < 1e-12)
    for (own, expected) in zip(found.gradients, gradient.gradients) {
      #expect(relativeError(own, expected) < 1e-6)
    }
    let result = try client.attack(.automatic)
    #expect(client.psnr(of: result) > 60 && result.diagnosis?.verdict == .recovered)
    // Whoever undoes the step knows it.
    #expect(result.trials.allSatisfy { $0.category >= .parameterAwareEavesdropper })
  }

  @Test func aWarmUpShortensTheStep() throws {
    var rule = try AdaptiveStepsTests.rule(.adam)
    rule.schedule = .cosine(steps: 4, least: 0)
    let client = try trained(by: rule)
    #expect(client.update.undoingFirstStep(from: client.weighted.parameters) != nil)
    rule.schedule = .linear(steps: 4, warmUp: 2)
    // The first rate of a warm-up is 0.
    #expect(try trained(by: rule).update.squaredNorm == 0)
  }

  /// Without local training nobody can undo a step.
  @Test func anUnknownStepIsNotUndone() throws {
    let client = try trained(by: AdaptiveStepsTests.rule(.adam))
    let message = attackErrorMessage {
      _ = try client.attack(.levenbergMarquardt) { $0.unknown = [.localTraining] }
    }
    #expect(message?.contains("local training") == true)
  }

  // MARK: - Rounded weights

  @Test(arguments: [ClientOptimizer.Name.adam, .adamW])
  func singleWeightsLeaveSignsAndZeros(_ name: ClientOptimizer.Name) throws {
    let client = try trained(
      AttackedClient.smallModel("lenet", .relu), isSingle: true, by: AdaptiveStepsTests.rule(name))
    let gradient = try client.weighted.share(
      images: client.images, labels: client.labels, backend: AttackedClient.backend)
    #expect(client.update.undoingFirstStep(from: client.weighted.parameters) == nil)
    var zeros = 0
    for (moved, own) in zip(client.update.gradients, gradient.gradients) {
      for (move, slope) in zip(moved.doubles, own.doubles) {
        if slope == 0 { zeros += 1 }
        #expect(slope == 0 ? move == 0 : abs(slope) < 1e-10 || (move > 0) == (slope > 0))
      }
    }
    // Units behind a ReLU that is 0.
    #expect(zeros > 100)
    #expect(try client.attack(.automatic).labels == [2])
  }

  /// A server that knows the weights takes AdamW's decay away exactly.
  @Test func decoupledDecayIsTakenOff() throws {
    let rule = try AdaptiveStepsTests.rule(.adamW, [.weightDecay: 0.5])
    let plain = try trained(epochs: 3, by: AdaptiveStepsTests.rule(.adam))
    let training = try LocalTraining(
      exampleCount: 1, miniBatchSize: 1, epochs: 3, learningRate: 1e-3, by: rule)
    let decayed = try plain.weighted.share(
      images: plain.images, labels: [2], training: training, backend: AttackedClient.backend)
    for (index, weights) in plain.weighted.parameters.enumerated() {
      // What was shared, weights after minus before, and what is left of it.
      let raw = training.addingDecay(decayed.gradients[index], weights: weights)
      let expected = decayed.gradients[index].doubles
      let read = training.takingOffDecay(raw, weights: weights).doubles
      #expect(zip(read, expected).allSatisfy { abs($0 - $1) < 1e-9 })
      #expect(expected.allSatisfy { abs($0) <= 3.02 })
    }
    let wrong = try LocalTraining(
      exampleCount: 1, miniBatchSize: 1, epochs: 3, learningRate: 1e-3,
      by: AdaptiveStepsTests.rule(.adamW, [.weightDecay: 0.4]))
    #expect(wrong.rule.keptShare(afterSteps: 3, learningRate: 1e-3) > 0.998)
  }

  // MARK: - Searches

  @Test(arguments: [ClientOptimizer.Name.adam, .adamW, .rmsProp])
  func severalStepsComeBack(_ name: ClientOptimizer.Name) throws {
    let client = try trained(epochs: 3, isSmooth: true, by: AdaptiveStepsTests.rule(name))
    let result = try client.attack(.automatic)
    #expect(client.psnr(of: result) > 60, "\(client.psnr(of: result))")
    #expect(result.labels == [2] && result.trials[0].method.name == "sign-matching")
  }

  /// Smoothed at first, the client's own step in the end.
  @Test func theTruthIsAMinimumOfSignMatching() throws {
    let client = try trained(epochs: 2, isSingle: true, by: AdaptiveStepsTests.rule(.adam))
    let problem = try AttackProblem(
      client.weighted, update: client.update,
      configuration: AttackConfiguration(attack: .signMatching), backend: AttackedClient.backend)
    let function = try SmoothedMatching(problem, labels: [2])
    function.width = 0
    let truth = try function.value(at: client.images.doubles)
    let other = try function.value(at: client.images.doubles.map { 1 - $0 })
    #expect(truth < 1e-6 && other > 1e-2)
    function.width = 0.1
    var gradient = [Double](repeating: 0, count: function.dimension)
    _ = try function.evaluate(at: client.images.doubles, gradient: &gradient)
    #expect(gradient.contains { abs($0) > 1e-6 } && gradient.allSatisfy(\.isFinite))
  }

  @Test func signMatchingRefusesOtherClients() throws {
    func message(_ rule: StepRule, isSingle: Bool = false, epochs: Int = 1) -> String? {
      attackErrorMessage {
        _ = try trained(epochs: epochs, isSingle: isSingle, by: rule).attack(.signMatching)
      }
    }
    #expect(message(.plain, epochs: 2)?.contains("is for clients whose optimiser divides") == true)
    let adam = try AdaptiveStepsTests.rule(.adam)
    #expect(
      message(adam)?.contains("exact enough to tell the gradient")
        == true)
  }

  // MARK: - Closed forms

  @Test func theFirstLayersSignsAreABinaryImage() throws {
    let plain = try AttackedClient.smallModel("mlp", width: 12)
    let mean = try PixelNormalization(means: [0.5], deviations: [0.25], channels: 3)
    for epochs in [1, 4] {
      let client = try trained(
        plain.normalizing(mean), epochs: epochs, isSingle: true, by: AdaptiveStepsTests.rule(.adam))
      let result = try client.attack(.signImage)
      for (found, pixel) in zip(result.images.doubles, client.images.doubles)
      where abs(pixel - 0.5) > 0.05 {
        #expect(found == (pixel > 0.5 ? 0.75 : 0.25))
      }
      #expect(result.labels == [2])
    }
    // Pixels as they are have one sign.
    let bare = try trained(plain, isSingle: true, by: AdaptiveStepsTests.rule(.adam))
    #expect(Set(try bare.attack(.signImage).images.doubles).isSubset(of: [0, 0.5]))
    let decayed = try trained(
      plain, isSingle: true, by: AdaptiveStepsTests.rule(.adam, [.weightDecay: 1]))
    let message = attackErrorMessage { _ = try decayed.attack(.signImage) }
    #expect(message?.contains("sign-image reads one gradient") == true)
    let convolution = try trained(isSingle: true, by: AdaptiveStepsTests.rule(.adam))
    #expect(attackErrorMessage { _ = try convolution.attack(.signImage) } != nil)
    let refused = attackErrorMessage { _ = try bare.attack(.linear) }
    #expect(refused?.contains("linear layer's closed form reads one gradient") == true)
  }

  @Test func signsTellLabels() throws {
    let rule = try AdaptiveStepsTests.rule(.adam)
    func labels(_ labels: [Int]) throws -> [Int]? {
      let client = try trained(labels: labels, isSingle: true, by: rule)
      return try LabelRecovery.labels(
        of: client.update, after: try #require(client.update.training), client.weighted, seed: 0,
        backend: AttackedClient.backend)
    }
    #expect(try labels([4]) == [4])
    #expect(try labels([1, 3]) == [1, 3])
    // Signs do not count.
    #expect(try labels([1, 1]) == nil)
  }

  // MARK: - What does not fit

  private func misfit(_ client: TrainingClient, _ training: LocalTraining?, rate: Double)
    -> UpdateMisfit?
  {
    let factor = 1e-3 / rate
    return UpdateFit.misfit(
      of: SharedUpdate(
        gradients: client.update.gradients.map {
          Tensor($0.shape, .f64($0.doubles.map { $0 * factor }))
        }, batchSize: 1, training: training, origin: .difference(learningRate: rate)),
      client.weighted, backend: AttackedClient.backend)
  }

  @Test func adamThatWasTakenForGradientDescentIsNamed() throws {
    let client = try trained(isSingle: true, by: AdaptiveStepsTests.rule(.adam))
    let found = misfit(client, nil, rate: 0.1)
    #expect(found?.kind == .optimizer)
    #expect(found?.sentence.description.contains("It looks like Adam's") == true)
    #expect(abs((found?.value ?? 0) - 1e-3) < 1e-5)
    let steps = try LocalTraining(exampleCount: 1, miniBatchSize: 1, epochs: 3, learningRate: 0.1)
    #expect(misfit(client, steps, rate: 0.1)?.kind == .optimizer)
    // Said rightly nothing is wrong.
    #expect(misfit(client, client.update.training, rate: 1e-3) == nil)
    let honest = try AttackedClient.leNet()
    let gradient = SharedUpdate(
      gradients: honest.update.gradients, batchSize: 1, origin: .gradient)
    #expect(UpdateFit.optimizer(gradient) == nil)
  }

  @Test(arguments: [1e-2, 1e-4]) func aWrongRateIsNamed(_ rate: Double) throws {
    let client = try trained(isSingle: true, by: AdaptiveStepsTests.rule(.adam))
    let training = try LocalTraining(
      exampleCount: 1, miniBatchSize: 1, learningRate: rate, by: AdaptiveStepsTests.rule(.adam))
    let found = misfit(client, training, rate: rate)
    #expect(
      found?.kind == .optimizer && abs((found?.value ?? 0) - 1e-3) < 2e-5, "\(found?.value ?? 0)")
  }

  @Test func whatIsLostIsSaid() throws {
    func note(_ epochs: Int, _ rule: StepRule, isExact: Bool? = nil) throws -> String? {
      try LocalTraining(
        exampleCount: 1, miniBatchSize: 1, epochs: epochs, learningRate: 1, by: rule
      )
      .lossNote(isExact: isExact)?.description
    }
    let adam = try AdaptiveStepsTests.rule(.adam)
    #expect(try note(1, .plain) == nil)
    #expect(try note(1, adam)?.contains("exact enough to tell each g") == true)
    #expect(try note(1, adam, isExact: false)?.contains("its signs are left") == true)
    #expect(try note(3, adam)?.contains("single moves are next to signs") == true)
  }
}

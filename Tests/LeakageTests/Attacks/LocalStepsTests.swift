import CPUBackend
import Foundation
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients
@testable import Defences
@testable import Solvers

/// Attacks on what several local steps come to.
@Suite struct LocalStepsTests {
  private func trained(
    _ name: String = "lenet", labels: [Int] = [3, 1], miniBatch: Int = 1, epochs: Int = 1,
    rate: Double = 0.1, momentum: Double = 0, decay: Double = 0
  ) throws -> TrainingClient {
    try TrainingClient(
      AttackedClient.smallModel(name, width: name == "mlp" ? 12 : nil), labels: labels,
      miniBatch: miniBatch, epochs: epochs, rate: rate,
      by: StepRule(.sgd(momentum: momentum, weightDecay: decay)), trials: 5)
  }

  private func evaluate(
    _ function: some ObjectiveFunction, at point: [Double]
  ) throws -> (value: Double, steepest: Double) {
    var gradient = [Double](repeating: .nan, count: function.dimension)
    let value = try point.withUnsafeBufferPointer { point in
      try gradient.withUnsafeMutableBufferPointer { try function.evaluate(at: point, gradient: $0) }
    }
    return (value, gradient.reduce(0) { max($0, abs($1)) })
  }

  // MARK: - Objectives

  @Test func theTruthIsAMinimum() throws {
    let client = try trained(epochs: 2, rate: 0.2, momentum: 0.5, decay: 0.01)
    #expect(client.update.training?.steps.count == 4)
    let matching = try MatchingFunction(
      problem(client.weighted, client.update), labels: client.labels, precision: .f64)
    let (value, steepest) = try evaluate(matching, at: client.images.doubles)
    #expect(value < 1e-24 * client.update.squaredNorm && steepest < 1e-12)
    // The order of the mini-batches is part of what is matched.
    let swapped = try MatchingFunction(
      problem(client.weighted, client.update), labels: client.labels.reversed(),
      precision: .f64)
    let half = client.images.doubles.count / 2
    let exchanged = Array(client.images.doubles[half...] + client.images.doubles[..<half])
    #expect(try swapped.value(at: exchanged) > 1e-9 * client.update.squaredNorm)
    // So are the steps: the same numbers as one gradient fit no such batch.
    let asGradient = SharedUpdate(gradients: client.update.gradients, batchSize: 2)
    let single = try MatchingFunction(
      problem(client.weighted, asGradient), labels: client.labels, precision: .f64)
    #expect(try single.value(at: client.images.doubles) > 1e-3 * client.update.squaredNorm)
  }

  @Test(arguments: MatchingObjective.Kind.allCases)
  func theTruthIsAMinimumOfPlans(_ kind: MatchingObjective.Kind) throws {
    let client = try trained(epochs: 2, rate: 0.2, momentum: 0.5)
    var plan = OptimizationPlan()
    plan.objective.kind = kind
    plan.prior = Priors()
    let function = try PlanFunction(
      plan, problem(client.weighted, client.update),
      PlanFunction.Known(
        labels: client.labels, matched: client.update.sharedParameters, features: nil),
      scale: 1, precision: .f64)
    // The angle is clamped near 0, where its derivative would be infinite.
    let tolerance = kind == .angular ? 2e-4 : 1e-10
    #expect(try evaluate(function, at: client.images.doubles).value < tolerance)
    #expect(function.seeds[0].squaredDistance < 1e-24 * client.update.squaredNorm)
    let elsewhere = client.images.doubles.map { 1 - $0 }
    #expect(try evaluate(function, at: elsewhere).value > 10 * tolerance)
  }

  /// (J u) · (J v) with J from finite differences of the client itself.
  @Test(arguments: [true, false]) func gaussNewtonProducts(_ seeksLabels: Bool) throws {
    let client = try trained(epochs: 2, rate: 0.3, momentum: 0.5, decay: 0.01)
    let products = try GaussNewtonProducts(
      problem(client.weighted, client.update), labels: seeksLabels ? nil : client.labels,
      dtype: .f64)
    let oneHot = client.labels.flatMap { label in (0..<5).map { $0 == label ? 1.0 : 0 } }
    let point = client.images.doubles + (seeksLabels ? oneHot : [])
    var source = RandomSource(seed: 4)
    let left = point.indices.map { _ in source.normal() }
    let right = point.indices.map { _ in source.normal() }

    let graph = ClientGradientGraph(
      client.weighted.model, batchSize: 2,
      labelForm: seeksLabels ? .probabilities : .classIndices, dtype: .f64,
      training: client.update.training)
    func update(at point: [Double]) throws -> [Double] {
      let pixels = client.images.shape.elementCount
      let labels =
        seeksLabels
        ? Tensor([2, 5], .f64(Array(point[pixels...])))
        : Tensor([2], .i32(client.labels.map(Int32.init)))
      let inputs = [Tensor(client.images.shape, .f64(Array(point[..<pixels]))), labels]
      let outputs = try AttackedClient.backend.evaluate(
        graph.function, inputs + client.weighted.parameters + client.weighted.buffers)
      return graph.gradients.flatMap { outputs($0).doubles }
    }
    func derivative(along direction: [Double]) throws -> [Double] {
      let step = 1e-5
      let ahead = try update(at: zip(point, direction).map { $0 + step * $1 })
      let behind = try update(at: zip(point, direction).map { $0 - step * $1 })
      return zip(ahead, behind).map { ($0 - $1) / (2 * step) }
    }
    let expected = zip(try derivative(along: left), try derivative(along: right))
      .reduce(0) { $0 + $1.0 * $1.1 }
    var product = [Double](repeating: 0, count: point.count)
    point.withUnsafeBufferPointer { products.move(to: $0) }
    try right.withUnsafeBufferPointer { right in
      try product.withUnsafeMutableBufferPointer { try products.multiply(right, into: $0) }
    }
    let found = zip(left, product).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(found - expected) < 1e-6 * abs(expected))
  }

  @Test func oneStepOnTheWholeBatchIsAGradient() throws {
    let client = try trained(miniBatch: 2)
    #expect(client.update.training == nil)
    let gradient = try client.weighted.share(
      images: client.images, labels: client.labels, backend: AttackedClient.backend)
    #expect(client.update.gradients == gradient.gradients)
  }

  // MARK: - Attacks

  @Test(arguments: [0.01, 0.1]) func levenbergMarquardtRecoversTheBatch(_ rate: Double) throws {
    let client = try trained(rate: rate)
    let result = try client.attack(.levenbergMarquardt)
    #expect(client.psnr(of: result) > 40)
    #expect(result.labels.sorted() == [1, 3])
    #expect(result.diagnosis?.equationBound == client.weighted.model.parameterCount)
  }

  @Test func severalEpochsWithMomentumAndDecay() throws {
    let client = try trained(epochs: 2, rate: 0.05, momentum: 0.9, decay: 0.001)
    let result = try client.attack(.levenbergMarquardt, knownLabels: client.labels)
    #expect(client.psnr(of: result) > 40)
  }

  @Test func automaticRecoversASingleImage() throws {
    let client = try trained(labels: [2], epochs: 3, rate: 0.1)
    let result = try client.attack(.automatic)
    #expect(client.psnr(of: result) > 60 && result.labels == [2])
    #expect(result.trials.map(\.method.name) == ["levenberg-marquardt"])
  }

  @Test func dlgFollowsTheSteps() throws {
    let client = try trained(labels: [2], epochs: 2, rate: 0.1)
    let result = try client.attack(.dlg) { $0.trials = 2 }
    #expect(client.psnr(of: result) > 40)
  }

  /// Each step moves the first layer by multiples of the one image.
  @Test func theLinearLayerLeaksThroughSteps() throws {
    let client = try trained("mlp", labels: [2], epochs: 3, rate: 0.1, momentum: 0.9)
    #expect(client.psnr(of: try client.attack(.linear)) > 100)
    let decayed = try trained("mlp", labels: [2], epochs: 3, rate: 0.1, decay: 0.01)
    let message = attackErrorMessage { _ = try decayed.attack(.linear) }
    #expect(message?.contains("linear layer's closed form reads one gradient") == true)
  }

  @Test(arguments: [AttackName.peeling, .rGap])
  func closedFormsOfOneGradientRefuse(_ kind: AttackName) throws {
    let client = try trained(labels: [2], epochs: 3)
    let message = attackErrorMessage { _ = try client.attack(kind) }
    #expect(message?.contains("reads one gradient") == true)
    #expect(message?.contains("3 local steps (3 epochs of mini-batches of 1)") == true)
  }

  @Test func plansThatReadOneGradientRefuse() throws {
    let client = try trained()
    func message(_ change: (inout OptimizationPlan) -> Void) -> String? {
      var plan = OptimizationPlan()
      change(&plan)
      return attackErrorMessage {
        _ = try client.attack(.plan) { $0.plan = plan }
      }
    }
    #expect(message { $0.labels = .mostNegative }?.contains("labels=most-negative") == true)
    #expect(message { $0.labels = .recovered }?.contains("mini-batches") == true)
    #expect(message { $0.labels = .known }?.contains("assumes known labels") == true)
    #expect(
      message {
        $0.labels = .joint
        $0.prior.features.weight = 1
      }?.contains("the prior on features reads one gradient") == true)
  }

  @Test func clippingOfExamplesIsRefused() throws {
    let client = try trained()
    var pipeline = DefencePipeline(try DefenceChain("dp-sgd:1,0.1"), seed: 0)
    let message = attackErrorMessage {
      _ = try client.weighted.share(
        images: client.images, labels: client.labels, training: client.update.training,
        through: &pipeline, backend: AttackedClient.backend)
    }
    #expect(message?.contains("DP-SGD clips the gradients of single examples") == true)
    var noise = DefencePipeline(try DefenceChain("gaussian:1e-6"), seed: 0)
    let noisy = try client.weighted.share(
      images: client.images, labels: client.labels, training: client.update.training,
      through: &noise, backend: AttackedClient.backend)
    #expect(noisy.update.training == client.update.training)
  }

  // MARK: - Labels

  @Test func labelsOfABatchAreCounted() throws {
    let labels = [0, 1, 1, 3, 3, 3, 4, 4]
    let client = try trained(labels: labels, miniBatch: 2, epochs: 2, rate: 0.05)
    let found = try LabelRecovery.labels(
      of: client.update, after: try #require(client.update.training), client.weighted, seed: 0,
      backend: AttackedClient.backend)
    // Probabilities are those of dummy images, so that a count may be off by one.
    #expect(LabelRecovery.accuracy(try #require(found), labels) >= 7.0 / 8)
    let decayed = try trained(labels: labels, miniBatch: 2, epochs: 2, decay: 0.1)
    #expect(
      try LabelRecovery.labels(
        of: decayed.update, after: try #require(decayed.update.training), decayed.weighted,
        seed: 0, backend: AttackedClient.backend) == nil)
  }

  @Test func labelsAreSpreadOverMiniBatches() throws {
    func arrangements(_ labels: [Int], _ size: Int, limit: Int = 10) throws -> [[Int]]? {
      try LocalTraining(exampleCount: labels.count, miniBatchSize: size, learningRate: 1)
        .arrangements(of: labels, limit: limit)
    }
    #expect(try arrangements([1, 3], 1) == [[1, 3], [3, 1]])
    #expect(try arrangements([1, 3], 2) == [[1, 3]])
    #expect(try arrangements([2, 2], 1) == [[2, 2]])
    #expect(try arrangements([1, 1, 3], 2) == [[1, 1, 3], [1, 3, 1]])
    #expect(try arrangements([0, 1, 2, 3], 1) == nil)
    #expect(try arrangements([0, 1, 2, 3], 1, limit: 24)?.count == 24)
  }
}

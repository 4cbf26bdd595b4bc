import CPUBackend
import TensorGraph
import Testing

@testable import Attacks
@testable import Defences
@testable import Solvers

/// Attacks that know of the defence.
@Suite struct CounterAttackTests {
  private func share(
    _ spec: String, _ client: AttackedClient, seed: UInt64 = 0
  ) throws -> DefendedUpdate {
    var pipeline = DefencePipeline(try DefenceChain(spec), seed: seed)
    return try client.weighted.share(
      images: client.images, labels: client.labels, through: &pipeline,
      backend: AttackedClient.backend)
  }

  private func attack(
    _ shared: DefendedUpdate, _ client: AttackedClient, isAdaptive: Bool = true,
    by kind: AttackName = .automatic
  ) throws -> AttackResult {
    try AttackProblem(
      client.weighted, update: shared.update,
      configuration: AttackConfiguration(attack: kind, trials: 2, iterations: 500),
      counter: isAdaptive ? shared.counterAttack : .none, backend: AttackedClient.backend
    ).run()
  }

  /// At the private data the viewed gradient is the viewed update, so the loss and its gradient vanish;
  /// elsewhere the objective's gradient is that of central differences.
  @Test(arguments: [
    "prune:0.4", "clip:0.01", "prune:0.3+clip:0.01", "freeze:2", "nvflare-percentile:30,1e-3",
    "nvflare-percentile:30,1e-3+prune:0.3", "nvflare-exclude:^fc", "encrypt-layers:body.0",
  ])
  func matchingInTheDefencesViewVanishesAtTheTruth(_ spec: String) throws {
    let client = try AttackedClient.leNet()
    let shared = try share(spec, client)
    let counter = shared.counterAttack
    #expect(!counter.isNone)
    let function = try MatchingFunction(
      problem(client.weighted, shared.update, counter), labels: client.labels, precision: .f64)
    // Incomplete updates have a trace of the prior.
    #expect(try function.value(at: client.images.doubles) <= 3 * counter.noiseEnergy + 1e-20)
    #expect(counter.noiseEnergy <= 1e-10 * counter.matched(shared.update).squaredNorm + 1e-20)
    try checkGradient(function, near: client.images.doubles)
  }

  @Test(arguments: ["gaussian:1e-4", "int8", "signsgd"])
  func priorAndWeightsHaveTheRightGradient(_ spec: String) throws {
    let client = try AttackedClient.leNet()
    let shared = try share(spec, client)
    let counter = shared.counterAttack
    #expect(counter.noiseVariance > 0)
    let function = try MatchingFunction(
      problem(client.weighted, shared.update, counter), labels: client.labels, precision: .f64)
    try checkGradient(function, near: client.images.doubles)
  }

  private func checkGradient(_ function: MatchingFunction, near truth: [Double]) throws {
    var source = RandomSource(seed: 3)
    let point = truth.map { $0 + 0.1 * source.normal() }
    let direction = truth.map { _ in source.normal() }
    var gradient = [Double](repeating: 0, count: point.count)
    _ = try point.withUnsafeBufferPointer { point in
      try gradient.withUnsafeMutableBufferPointer { try function.evaluate(at: point, gradient: $0) }
    }
    let step = 1e-5
    func moved(_ factor: Double) -> [Double] {
      zip(point, direction).map { $0 + factor * step * $1 }
    }
    let slope =
      (try function.value(at: moved(1)) - function.value(at: moved(-1))) / (2 * step)
    let expected = zip(gradient, direction).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(slope - expected) <= 1e-5 * abs(expected) + 1e-12)
  }

  /// JᵀJ in the defence's view, with the prior: products, the matrix and its diagonal agree.
  @Test(arguments: [
    "gaussian:1e-4", "prune:0.4", "int8+clip:0.01", "nvflare-percentile:30,1e-3+fp16",
  ])
  func normalMatrixFollowsTheView(_ spec: String) throws {
    let client = try AttackedClient.leNet()
    let shared = try share(spec, client)
    let counter = shared.counterAttack
    let residuals = try MatchingResiduals(
      problem(client.weighted, shared.update, counter), labels: client.labels)
    let count = residuals.dimension
    let point = client.images.doubles
    var source = RandomSource(seed: 9)
    let direction = point.map { _ in source.normal() }
    var product = [Double](repeating: 0, count: count)
    let matrix = HostBuffer(TensorType([count, count], .f64))
    try point.withUnsafeBufferPointer { point in
      try direction.withUnsafeBufferPointer { direction in
        try product.withUnsafeMutableBufferPointer {
          try residuals.multiplyNormalMatrix(at: point, by: direction, into: $0)
        }
      }
      #expect(try residuals.assembleNormalMatrix(at: point, into: matrix, shouldStop: { false }))
    }
    let elements = matrix.read().doubles
    let largest = product.reduce(0) { max($0, abs($1)) }
    for row in 0..<count {
      let sum = (0..<count).reduce(0) { $0 + elements[row * count + $1] * direction[$1] }
      #expect(abs(sum - product[row]) <= 1e-9 * largest)
    }
  }

  /// Pruning stops the attack that takes zeros for gradients, and not the one that leaves them out.
  @Test func theMaskUndoesPruning() throws {
    let client = try AttackedClient.leNet()
    let shared = try share("prune:0.3", client)
    let naive = client.psnr(of: try attack(shared, client, isAdaptive: false).images)
    let adaptive = client.psnr(of: try attack(shared, client).images)
    #expect(adaptive > 80)
    #expect(naive < 40)
  }

  @Test func clippingIsNoDefence() throws {
    let client = try AttackedClient.leNet()
    let shared = try share("clip:0.001", client)
    let result = try attack(shared, client)
    #expect(client.psnr(of: result.images) > 80)
    #expect(result.labels == client.labels)
  }

  /// Knowing of the noise beats fitting it, for images as smooth as photographs are.
  @Test func thePriorHelpsAgainstNoise() throws {
    let client = try AttackedClient.leNet()
    let image = Tensor(
      client.images.shape,
      .f64(client.images.doubles.indices.map { 0.1 + 0.1 * Double($0 % 8) }))
    func psnr(_ shared: DefendedUpdate, isAdaptive: Bool) throws -> Double {
      // Alone: the automatic attack goes on with priors of its own.
      let result = try attack(
        shared, client, isAdaptive: isAdaptive, by: .levenbergMarquardt)
      return ImageMetrics.peakSignalToNoiseRatio(
        meanSquaredError: ImageMetrics.meanSquaredError(result.images, image))
    }
    for seed in 0..<3 as Range<UInt64> {
      var pipeline = DefencePipeline(try DefenceChain("gaussian:1e-3"), seed: seed)
      let shared = try client.weighted.share(
        images: image, labels: client.labels, through: &pipeline, backend: AttackedClient.backend)
      #expect(try psnr(shared, isAdaptive: true) > psnr(shared, isAdaptive: false) + 3)
    }
  }

  @Test func anUndefendedUpdateIsMatchedAsItIs() throws {
    let client = try AttackedClient.leNet()
    let shared = try share("none", client)
    #expect(shared.counterAttack.isNone)
    #expect(shared.update.gradients == client.update.gradients)
    #expect(shared.wireByteCount == shared.plainByteCount)
  }
}

import CPUBackend
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients
@testable import Solvers

/// What "recovered" rests on.
@Suite struct CertaintyTests {
  private static let backend = AttackedClient.backend

  /// The difference of weights after a step, both rounded, read as a file would be.
  private func roundedDifference(
    _ client: AttackedClient, rate: Double, _ round: (Double) -> Double
  ) -> SharedUpdate {
    var energies: [Double] = []
    let gradients = zip(client.weighted.parameters, client.update.gradients).map {
      weight, gradient in
      let difference = Tensor(
        weight.shape,
        .f64(
          zip(weight.doubles, gradient.doubles).map { round($0 - rate * $1) - round($0) }))
      energies.append(
        WeightGrid.roundingEnergy(of: difference, weights: weight) / (rate * rate))
      return difference.multiplied(by: -1 / rate)
    }
    let square = gradients.reduce(0.0) { $0 + $1.doubles.reduce(0) { $0 + $1 * $1 } }
    return SharedUpdate(
      gradients: gradients, batchSize: 1,
      relativeRounding: energies.reduce(0, +) / max(square, 1e-300), roundingEnergies: energies,
      origin: .difference(learningRate: rate))
  }

  private func attack(_ client: AttackedClient, _ update: SharedUpdate, _ kind: AttackName) throws
    -> AttackResult
  {
    try AttackProblem(
      client.weighted, update: update,
      configuration: AttackConfiguration(attack: kind, trials: 1, iterations: 60),
      backend: CertaintyTests.backend
    ).run()
  }

  private static let formats: [(name: String, round: @Sendable (Double) -> Double)] = [
    ("bf16", { Double(Float(bitPattern: (Float($0).bitPattern &+ 0x8000) & 0xFFFF_0000)) }),
    ("f16", { Double(Float16($0)) }), ("f32", { Double(Float($0)) }),
  ]

  /// Whatever the rounding, nothing below 40 dB is called recovered.
  @Test(arguments: [0, 1, 2], [1.0, 1e-2, 1e-4, 1e-6])
  func roundedWeightsAreNotCalledRecovered(_ format: Int, _ rate: Double) throws {
    for activation in [Activation.sigmoid, .leakyReLU] {
      let client = try AttackedClient.leNet(activation, labels: [2])
      let update = roundedDifference(client, rate: rate, CertaintyTests.formats[format].round)
      guard update.squaredNorm > 0 else { continue }
      for kind in [AttackName.automatic, .peeling] {
        guard let result = try? attack(client, update, kind) else { continue }
        let psnr = client.psnr(of: result.images)
        if result.diagnosis?.verdict == .recovered {
          #expect(psnr > 40, "\(CertaintyTests.formats[format].name) \(rate) \(kind): \(psnr) dB")
          let implied = try #require(result.diagnosis?.impliedError)
          #expect(implied <= Diagnosis.tolerableError)
        }
      }
    }
  }

  @Test func whatIsExactIsCertain() throws {
    let client = try AttackedClient.leNet(labels: [2])
    let update = roundedDifference(client, rate: 1) { $0 }
    for kind in [AttackName.automatic, .peeling, .levenbergMarquardt] {
      let result = try attack(client, update, kind)
      #expect(result.diagnosis?.verdict == .recovered, "\(kind)")
      #expect((result.diagnosis?.impliedError ?? 1) < 1e-6)
    }
  }

  /// The grid that a difference lies on tells the format, not its few digits.
  @Test func theGridOfADifferenceTellsTheRounding() {
    var source = RandomSource(seed: 4)
    let weights = (0..<500).map { _ in source.uniform() - 0.5 }
    let steps = weights.indices.map { _ in 1e-3 * source.normal() }
    for (_, round) in CertaintyTests.formats {
      let difference = zip(weights, steps).map { round($0 + $1) - round($0) }
      let error = zip(difference, steps).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      let found = WeightGrid.roundingEnergy(
        of: Tensor([500], .f64(difference)), weights: Tensor([500], .f64(weights)))
      #expect(found > error / 4 && found < error * 4)
    }
  }

  @Test func anUpdateThatIsZeroCarriesNothing() throws {
    let client = try AttackedClient.leNet(labels: [2])
    let zero = SharedUpdate(
      gradients: client.update.gradients.map { Tensor($0.shape, .f64, repeating: 0) }, batchSize: 1)
    for attack in AttackCatalog.all {
      let kind = attack.descriptor.name
      let result = try problem(client.weighted, zero).run(attack)
      #expect(result.diagnosis?.verdict == .carriesNothing, "\(kind)")
      #expect(result.evaluations == 0)
    }
  }

  @Test func anAttackWithoutTimeIsCutShort() throws {
    let client = try AttackedClient.leNet(.gelu, labels: [2, 0])
    let result = try client.attack(AttackConfiguration(timeLimit: 1e-4))
    #expect(result.diagnosis?.verdict == .cutShort)
  }

  /// A solver that is given a time begins nothing that takes longer.
  @Test func productsAreNotBegunForWhichThereIsNoTime() throws {
    let function = SlowSquares()
    let clock = ContinuousClock()
    let start = clock.now
    let deadline = start + .milliseconds(300)
    var rule = StoppingRule(iterations: 50)
    rule.deadline = deadline
    let outcome = try LevenbergMarquardt(algebra: CertaintyTests.backend.linearAlgebra)
      .minimizeSquares(function, from: [Double](repeating: 1, count: 2000), until: rule) { _, _ in
        clock.now >= deadline ? .stop(.timeLimit) : .proceed
      }
    #expect(outcome.result.reason == .timeLimit)
    #expect(function.assemblies == 0)
    #expect(clock.now - start < .milliseconds(1500))
  }
}

/// Badly scaled squares of 2000 unknowns whose products take 5 ms.
private final class SlowSquares: LeastSquaresFunction {
  let dimension = 2000
  var assemblies = 0

  private func weight(_ index: Int) -> Double { 1 / Double(index + 1) }

  func evaluate(at point: Vector, gradient: MutableVector) -> Double {
    var value = 0.0
    for index in 0..<dimension {
      let target = Double(index % 7)
      let residual = weight(index) * (point[index] - target)
      value += residual * residual
      gradient[index] = 2 * weight(index) * residual
    }
    return value
  }

  func multiplyNormalMatrix(at point: Vector, by direction: Vector, into result: MutableVector) {
    let end = ContinuousClock.now + .milliseconds(5)
    while ContinuousClock.now < end {}
    for index in 0..<dimension { result[index] = weight(index) * weight(index) * direction[index] }
  }

  func assembleNormalMatrix(
    at point: Vector, into matrix: HostBuffer, shouldStop: () -> Bool
  ) -> Bool {
    assemblies += 1
    return false
  }
}

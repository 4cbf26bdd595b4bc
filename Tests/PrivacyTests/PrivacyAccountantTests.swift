import Foundation
import Solvers
import Testing

@testable import Privacy

@Suite struct PrivacyAccountantTests {
  /// Within 1 % of dp-accounting's tight accountant wherever it was asked; everywhere at most what Rényi divergences give.
  @Test func agreesWithDPAccounting() throws {
    let goldens = try AccountingGolden.all()
    #expect(goldens.count { $0.tight != nil } > 100)
    for golden in goldens {
      let epsilon = PrivacyAccountant(
        noiseMultiplier: golden.noise, samplingRate: golden.rate, rounds: golden.steps
      ).epsilon(delta: golden.delta)
      #expect(epsilon <= golden.sameOrders * (1 + 1e-9), "\(golden): \(epsilon)")
      guard let tight = golden.tight else { continue }
      #expect(abs(epsilon - tight) <= 0.01 * tight + 1e-6, "\(golden): \(epsilon)")
    }
  }
}

@Suite struct ReconstructionBoundTests {
  /// Kaissis et al. 2023: percentages of right guesses among 2, 10, 100 and 1000 candidates, beside ε at δ = 1e-5.
  @Test(arguments: [
    (0.1, 0.34, [54.0, 11.9, 1.3, 0.1]), (0.5, 1.99, [69.1, 21.7, 3.4, 0.5]),
    (1.0, 4.38, [84.1, 38.9, 9.2, 1.8]), (2.0, 10.0, [97.7, 76.4, 37.2, 13.8]),
    (4.0, 24.4, [100.0, 99.7, 95.3, 81.9]),
  ])
  func theGaussianMechanismIsAsPublished(_ row: (Double, Double, [Double])) {
    let mechanism = GaussianMechanism(mu: row.0)
    #expect(abs(mechanism.epsilon(delta: 1e-5) - row.1) < 0.005 * max(1, row.1))
    for (count, percent) in zip([2.0, 10, 100, 1000], row.2) {
      #expect(abs(100 * mechanism.success(prior: 1 / count) - percent) <= 0.0501, "\(count)")
    }
  }

  /// Of many rounds of small samples, by drawing outputs with the example and sorting likelihood ratios (Hayes,
  /// Mahloujifar and Balle 2023, algorithm 2).
  @Test(arguments: [(0.7, 0.1, 20), (1.0, 0.02, 100)])
  func sampledRoundsAreAsSimulated(_ noise: Double, _ rate: Double, _ rounds: Int) {
    let accountant = PrivacyAccountant(noiseMultiplier: noise, samplingRate: rate, rounds: rounds)
    var source = RandomSource(seed: 1)
    func ratio(isWith: Bool) -> Double {
      (0..<rounds).reduce(0.0) { sum, _ in
        let isTaken = isWith && source.uniform(in: 0..<1) < rate
        let output = noise * source.normal() + (isTaken ? 1 : 0)
        let exponent = (2 * output - 1) / (2 * noise * noise)
        return sum + Foundation.log1p(rate * Foundation.expm1(exponent))
      }
    }
    let count = 4000
    let without = (0..<count).map { _ in ratio(isWith: false) }.sorted(by: >)
    let with = (0..<count).map { _ in ratio(isWith: true) }
    for prior in [0.5, 0.1] {
      let threshold = without[Int(prior * Double(count))]
      let reached = Double(with.count { $0 > threshold }) / Double(count)
      // Six standard deviations of both samples.
      #expect(abs(accountant.success(prior: prior) - reached) < 0.08, "\(prior): \(reached)")
    }
  }

  /// Two candidates that move the output in opposite directions are told as often as the bound allows, by the sign.
  @Test func oppositeCandidatesMeetTheBound() {
    var source = RandomSource(seed: 2)
    for mu in [0.5, 1, 2] {
      let tries = 4000
      let right = (0..<tries).count { _ in mu + source.normal() > 0 }
      let bound = GaussianMechanism(mu: mu).success(prior: 0.5)
      // Four standard errors.
      #expect(abs(Double(right) / Double(tries) - bound) < 4 * 0.5 / Double(tries).squareRoot())
    }
  }

  @Test func boundsAreBounds() {
    // Sampling all, and nearly all.
    let (all, nearly) = (
      PrivacyAccountant(noiseMultiplier: 2, samplingRate: 1, rounds: 9),
      PrivacyAccountant(noiseMultiplier: 2, samplingRate: 1 - 1e-9, rounds: 9)
    )
    #expect(abs(all.epsilon(delta: 1e-5) / nearly.epsilon(delta: 1e-5) - 1) < 2e-3)
    #expect(abs(all.success(prior: 0.01) / nearly.success(prior: 0.01) - 1) < 2e-3)
    // Nothing shared is guessing, no noise is certainty.
    let none = PrivacyAccountant(noiseMultiplier: 1, samplingRate: 0.1, rounds: 0)
    #expect(none.epsilon(delta: 1e-5) == 0 && abs(none.success(prior: 0.01) - 0.01) < 1e-12)
    let bare = PrivacyAccountant(noiseMultiplier: 0, samplingRate: 0.5, rounds: 1)
    #expect(bare.epsilon(delta: 1e-5) == .infinity && bare.success(prior: 0.01) == 1)
  }

  /// No numbers that options allow leave the range of numbers, and ε falls with noise.
  @Test(arguments: [1e-9, 1e-4, 0.3, 1.0])
  func extremesAreNumbers(_ rate: Double) {
    for rounds in [1, 100, 10_000_000] {
      var last = Double.infinity
      for noise in [1e-300, 1e-9, 4.9e-3, 5e-3, 0.01, 0.1, 1, 30, 1e6, 1e12] {
        let accountant = PrivacyAccountant(
          noiseMultiplier: noise, samplingRate: rate, rounds: rounds)
        let epsilon = accountant.epsilon(delta: 1e-6)
        #expect(
          epsilon >= 0 && epsilon <= last * (1 + 1e-3) + 1e-4, "\(noise) \(rounds): \(epsilon)")
        last = epsilon
        let success = accountant.success(prior: 0.1)
        #expect(success >= 0.1 - 1e-9 && success <= 1, "\(noise) \(rounds): \(success)")
      }
    }
  }
}

import Foundation
import Solvers
import Testing

@testable import Privacy

@Suite struct EmpiricalEpsilonTests {
  /// By SciPy: binom.sf(k - 1, n, p) and beta.ppf(1 - alpha, k + 1, n - k).
  @Test func binomialsAreSciPys() {
    #expect(abs(BinomialDistribution(count: 10, chance: 0.3).tail(from: 4) / 0.35038928 - 1) < 1e-7)
    #expect(
      abs(BinomialDistribution(count: 1000, chance: 0.5).tail(from: 600) / 1.364232e-10 - 1) < 1e-5)
    #expect(BinomialDistribution(count: 5, chance: 0).tail(from: 1) == 0)
    #expect(BinomialDistribution(count: 5, chance: 1).tail(from: 5) == 1)
    let none = BinomialDistribution.upperBound(successes: 0, count: 50, alpha: 0.025)
    #expect(abs(none - (1 - pow(0.025, 1.0 / 50))) < 1e-12)
    #expect(
      abs(BinomialDistribution.upperBound(successes: 3, count: 20, alpha: 0.025) - 0.3789268) < 1e-6
    )
    #expect(BinomialDistribution.upperBound(successes: 7, count: 7, alpha: 0.05) == 1)
  }

  /// With δ = 0 the bound of Steinke, Nasr and Jagielski 2023 is the test of a binomial share.
  @Test func oneRunIsABinomialTestForPureDifferentialPrivacy() {
    let epsilon = EmpiricalEpsilon.oneRun(right: 80, guesses: 100, canaries: 100, delta: 0)
    let share = 1 / (1 + exp(-epsilon))
    #expect(abs(BinomialDistribution(count: 100, chance: share).tail(from: 80) - 0.05) < 1e-6)
    // Half of the guesses right speak for nothing, and δ takes its share.
    #expect(EmpiricalEpsilon.oneRun(right: 50, guesses: 100, canaries: 100, delta: 0) == 0)
    #expect(
      EmpiricalEpsilon.oneRun(right: 80, guesses: 100, canaries: 1000, delta: 1e-4) < epsilon)
    #expect(EmpiricalEpsilon.oneRun(right: 100, guesses: 100, canaries: 100, delta: 1e-5) > 3)
  }

  /// 200 audits of a mechanism whose ε is known: each bound is above it in at most 5 of 100.
  @Test func boundsAreBelowTheTruth() {
    let mechanism = GaussianMechanism(mu: 1)
    let delta = 1e-5
    let truth = mechanism.epsilon(delta: delta)
    var source = RandomSource(seed: 11)
    var above = (many: 0, one: 0)
    var best = (many: 0.0, one: 0.0)
    for _ in 0..<200 {
      let (many, one) = (
        simulatedManyRuns(mu: 1, delta: delta, &source),
        simulatedOneRun(mu: 1, delta: delta, &source)
      )
      if many > truth { above.many += 1 }
      if one > truth { above.one += 1 }
      best = (max(best.many, many), max(best.one, one))
    }
    #expect(above.many <= 10 && above.one <= 10, "\(above)")
    // They are not empty either.
    #expect(best.many > 0.5 && best.one > 0.5, "\(best)")
  }

  /// The same where they are tight: pure ε by randomised response, where 95 of 100 is all that they leave.
  @Test func boundsOfRandomisedResponseAreBelowTheTruth() {
    let truth = 1.0
    let share = 1 / (1 + exp(-truth))
    var source = RandomSource(seed: 12)
    var (above, best) = (0, 0.0)
    for _ in 0..<200 {
      let right = (0..<500).count { _ in source.uniform(in: 0..<1) < share }
      let bound = EmpiricalEpsilon.oneRun(right: right, guesses: 500, canaries: 500, delta: 0)
      if bound > truth { above += 1 }
      best = max(best, bound)
    }
    // 10 are expected; 20 or more have a chance below 0.3 %.
    #expect(above < 20, "\(above)")
    #expect(best > 0.9)
  }

  @Test func estimatesFindTheShift() {
    var source = RandomSource(seed: 13)
    let with = (0..<400).map { _ in 2.5 + source.normal() }
    let without = (0..<400).map { _ in source.normal() }
    let estimate = GaussianEstimate(with: with, without: without)
    #expect(abs(estimate.mu - 2.5) < 4 * estimate.error)
    #expect(estimate.error < 0.12 && estimate.least < 2.5)
    #expect(GaussianEstimate(with: [1, 1], without: [0, 0]).mu == .infinity)
    #expect(GaussianEstimate(with: [0, 0], without: [0, 0]).mu == 0)
  }

  private func simulatedManyRuns(
    mu: Double, delta: Double, _ source: inout RandomSource
  ) -> Double {
    let count = 250
    let alarms = (0..<count).count { _ in source.normal() > 2 * mu }
    let misses = (0..<count).count { _ in mu + source.normal() <= 2 * mu }
    return EmpiricalEpsilon.manyRuns(
      falseAlarms: alarms, without: count, misses: misses, with: count, delta: delta)
  }

  private func simulatedOneRun(
    mu: Double, delta: Double, _ source: inout RandomSource
  ) -> Double {
    let scores = (0..<1000).map { _ -> (isThere: Bool, score: Double) in
      let isThere = source.integer(below: 2) == 1
      return (isThere, (isThere ? mu : 0) + source.normal())
    }.sorted { $0.score < $1.score }
    let right =
      scores.prefix(50).count { !$0.isThere } + scores.suffix(50).count { $0.isThere }
    return EmpiricalEpsilon.oneRun(
      right: right, guesses: 100, canaries: 1000, delta: delta)
  }
}

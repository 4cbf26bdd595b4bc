import Foundation
import Testing

@testable import Solvers

/// A function given by closures.
private final class ClosureObjective: ObjectiveFunction {
  let dimension: Int
  private let body: ([Double]) -> (value: Double, gradient: [Double])

  init(dimension: Int, _ body: @escaping ([Double]) -> (value: Double, gradient: [Double])) {
    self.dimension = dimension
    self.body = body
  }

  func evaluate(
    at point: UnsafeBufferPointer<Double>, gradient: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    let result = body(Array(point))
    for index in 0..<dimension { gradient[index] = result.gradient[index] }
    return result.value
  }
}

private func chainedRosenbrock(_ x: [Double]) -> (value: Double, gradient: [Double]) {
  var value = 0.0
  var gradient = [Double](repeating: 0, count: x.count)
  for index in 0..<x.count - 1 {
    let bend = x[index + 1] - x[index] * x[index]
    let rest = 1 - x[index]
    value += 100 * bend * bend + rest * rest
    gradient[index] += -400 * bend * x[index] - 2 * rest
    gradient[index + 1] += 200 * bend
  }
  return (value, gradient)
}

private func minimize(
  _ solver: LBFGS, dimension: Int, start: [Double], rule: StoppingRule,
  observe: (SolverProgress, UnsafeBufferPointer<Double>) -> SolverDecision = { _, _ in .proceed },
  _ body: @escaping ([Double]) -> (value: Double, gradient: [Double])
) throws -> SolverResult {
  try solver.minimize(
    ClosureObjective(dimension: dimension, body), from: start, until: rule, observe: observe)
}

/// Iterates printed by scripts/fixtures/lbfgs.py (PyTorch 2, float64).
private let torchIterates: [Int: [Double]] = [
  1: [
    -0.7099633997559983, -0.42893859292395276, -0.23686051240341585, 0.13128914192761273,
    0.5810329402196014, 0.9365595770638471,
  ],
  2: [
    -0.5362904616888318, -0.2372619840400983, -0.17594836037948663, 0.14465879673452234,
    0.6030745894871761, 0.8353856244795459,
  ],
  5: [
    -0.1484022636619072, 0.19270953808960772, 0.07634546623214514, 0.1622302615313393,
    0.14110186181835416, -0.006245323567228345,
  ],
  10: [
    -0.017927237802606993, 0.00658260708770197, 0.014885182375370492, 0.01343186381923598,
    0.007432336610429391, -0.003915666957386623,
  ],
  20: [
    0.8376587749439631, 0.6716440378743476, 0.45684629748330446, 0.21172685038433744,
    0.025669316359754838, -0.0013642582945269383,
  ],
]

@Suite struct LBFGSTests {
  let solver = LBFGS(history: 5)
  let start = (0..<6).map { -1.2 + 2.2 * Double($0) / 5 }

  @Test func followsPyTorchIterateForIterate() throws {
    var compared = 0
    _ = try minimize(
      solver, dimension: 6, start: start,
      rule: StoppingRule(iterations: 20, stagnationWindow: 0),
      observe: { progress, point in
        if let expected = torchIterates[progress.iteration] {
          compared += 1
          for (actual, expected) in zip(point, expected) {
            #expect(abs(actual - expected) < 1e-8, "iteration \(progress.iteration)")
          }
        }
        return .proceed
      }, chainedRosenbrock)
    #expect(compared == torchIterates.count)
  }

  @Test func findsTheMinimumAndSaysSolved() throws {
    let result = try minimize(
      LBFGS(), dimension: 6, start: start, rule: StoppingRule(iterations: 500, solvedBelow: 1e-20),
      chainedRosenbrock)
    #expect(result.reason == .solved)
    #expect(result.point.allSatisfy { abs($0 - 1) < 1e-8 })
  }

  @Test func objectiveNeverRises() throws {
    var last = Double.infinity
    _ = try minimize(
      solver, dimension: 6, start: start, rule: StoppingRule(iterations: 100),
      observe: { progress, _ in
        #expect(progress.value <= last)
        last = progress.value
        return .proceed
      }, chainedRosenbrock)
  }

  @Test func stopsAtTheIterationLimit() throws {
    let result = try minimize(
      solver, dimension: 6, start: start, rule: StoppingRule(iterations: 3), chainedRosenbrock)
    #expect(result.reason == .iterationLimit)
    #expect(result.iterations == 3)
  }

  @Test func stopsWhenTheObserverAsks() throws {
    let result = try minimize(
      solver, dimension: 6, start: start, rule: StoppingRule(iterations: 100),
      observe: { progress, _ in progress.iteration == 2 ? .stop(.interrupted) : .proceed },
      chainedRosenbrock)
    #expect(result.reason == .interrupted)
    #expect(result.iterations == 2)
  }

  @Test func reportsDivergenceOfANaN() throws {
    let result = try minimize(
      solver, dimension: 2, start: [1, 1], rule: StoppingRule(iterations: 100)
    ) { _ in (.nan, [.nan, .nan]) }
    #expect(result.reason == .diverged)
  }

  @Test func reportsConvergenceOnAFlatObjective() throws {
    let result = try minimize(
      solver, dimension: 2, start: [1, 1], rule: StoppingRule(iterations: 100)
    ) { _ in (1, [0, 0]) }
    #expect(result.reason == .converged)
  }

  @Test func reportsStagnation() throws {
    // Falls for ever, but by less and less: f = 1 + e^-x.
    let result = try minimize(
      solver, dimension: 1, start: [0],
      rule: StoppingRule(iterations: 10_000, stagnationWindow: 5, stagnationFactor: 0.99)
    ) { x in (1 + 1 / (1 + max(x[0], 0)), [-1 / ((1 + x[0]) * (1 + x[0]))]) }
    #expect(result.reason == .stagnated)
  }

  @Test func stepsBackFromOutsideTheDomain() throws {
    // -log(x) + x has its minimum at 1 and no value below 0; the first steps overshoot.
    let result = try minimize(
      solver, dimension: 1, start: [0.05], rule: StoppingRule(iterations: 100, stagnationWindow: 0)
    ) { x in x[0] > 0 ? (x[0] - log(x[0]), [1 - 1 / x[0]]) : (.infinity, [.nan]) }
    #expect(abs(result.point[0] - 1) < 1e-6)
  }
}

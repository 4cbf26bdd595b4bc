import Clients
import Solvers
import TensorGraph

/// One image from the gradient of a network with skips; see `ResidualPeeling`.
public struct ResidualPeelingAttack: ClosedFormAttack {
  /// `residual-peeling`.
  public let descriptor = AttackDescriptor(
    name: .residualPeeling,
    summary: "exact through skips, layer by layer, then the first ones at once",
    needs: AttackNeed.gradient, category: .eavesdropper, searches: false,
    method: "residual peeling")

  /// False: the whole gradient says little that the fit has not used, and its curvature costs far more.
  public let isPolished = false

  /// The attack; it has no options.
  public init() {}

  /// Peels down to where the equations end, and fits the image below.
  public func solve(
    _ problem: AttackProblem, _ run: AttackRun
  ) throws(AttackError) -> ClosedFormSolution {
    try solve(problem, start: nil, run)
  }

  /// Begins the fit at the images: where their update is only slightly other, they are near.
  public func solve(
    nearMiss problem: AttackProblem, of images: Tensor, _ run: AttackRun
  ) throws(AttackError) -> ClosedFormSolution {
    try solve(problem, start: images, run)
  }

  private func solve(
    _ problem: AttackProblem, start: Tensor?, _ run: AttackRun
  ) throws(AttackError) -> ClosedFormSolution {
    let peeling = try ResidualPeeling(
      problem.weighted, problem.update, mode: problem.mode, backend: problem.backend)
    return try run.stoppable { shouldStop throws(AttackError) in
      let outcome = try peeling.peel { shouldStop(0) }
      let images = try fit(peeling, outcome, start: start, shouldStop)
      return ClosedFormSolution(
        images: images, labels: [try problem.label(of: images)], layers: outcome.layers)
    }
  }

  private func fit(
    _ peeling: ResidualPeeling, _ outcome: ResidualPeeling.Outcome, start: Tensor?,
    _ shouldStop: (Int) -> Bool
  ) throws(AttackError) -> Tensor {
    let shape = peeling.network.graph[peeling.network.data].shape
    return try AttackError.naming(peeling.model.name, "attacked") { () throws(GraphError) in
      let residuals = try ImageResiduals(peeling, outcome)
      var best: SolverResult?
      var source = RandomSource(seed: 0x5eaf).derive(label: "disturbed starts")
      // Where a unit that ought to be active is not, a minimum can be none of the whole: near ones are.
      for disturbance in start == nil ? Self.disturbances : [0] {
        let point =
          best?.point ?? start?.doubles
          ?? [Double](
            repeating: 0.5, count: residuals.dimension)
        let result = try descend(
          residuals, from: point.map { $0 + disturbance * source.normal() },
          iterations: start == nil ? Self.mostSteps : Self.stepsOfNearMiss, peeling, shouldStop)
        if result.value < best?.value ?? .infinity { best = result }
        guard let best, best.value > (peeling.isNoisy ? Self.solvedWithNoise : Self.solved),
          best.reason != .interrupted
        else { break }
      }
      return Tensor(shape, .f64(best?.point ?? []))
    }
  }

  /// Standard deviations of what is added to the best image so far, one start after the other.
  private static let disturbances = [0, 0.01, 0.03, 0.1, 0.03, 0.1, 0.3]
  /// Of Levenberg-Marquardt, from each start.
  private static let mostSteps = 300
  private static let stepsOfNearMiss = 6
  /// Squared relative residual of exact equations.
  private static let solved = 1e-15
  private static let solvedWithNoise = 1e-9

  private func descend(
    _ residuals: ImageResiduals, from point: [Double], iterations: Int, _ peeling: ResidualPeeling,
    _ shouldStop: (Int) -> Bool
  ) throws(GraphError) -> SolverResult {
    let solver = LevenbergMarquardt(
      algebra: peeling.backend.linearAlgebra, initialDamping: 1e-3, success: 0.3, refusalLimit: 30)
    let rule = StoppingRule(
      iterations: iterations, solvedBelow: 1e-29, stagnationWindow: 12, stagnationFactor: 0.9)
    let outcome = try solver.minimizeSquares(residuals, from: point, until: rule) { progress, _ in
      shouldStop(progress.iteration) ? .stop(.interrupted) : .proceed
    }
    return outcome.result
  }
}

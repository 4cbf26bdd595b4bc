import Clients
import Solvers
import TensorGraph

/// One image, or a few, from the gradient of a network with skips; see `ResidualPeeling`.
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
    try run.stoppable { shouldStop throws(AttackError) in
      let batch =
        problem.update.batchSize == 1
        ? nil
        : try ExampleSeparation(problem.weighted, backend: problem.backend).separate(
          problem.update, knownLabels: problem.knownLabels, seed: problem.configuration.seed
        ) { shouldStop(0) }
      let (peeling, outcome) = try peel(problem, batch?.cotangents) { shouldStop(0) }
      let images = try fit(peeling, outcome, start: start, shouldStop)
      let labels = if let batch { batch.labels } else { [try problem.label(of: images)] }
      return ClosedFormSolution(images: images, labels: labels, layers: outcome.layers)
    }
  }

  /// Takes the equations for exact first, unless the numbers have fewer digits, and for those with errors
  /// where they turn out not to be.
  private func peel(
    _ problem: AttackProblem, _ logitsCotangent: Tensor?, shouldStop: () -> Bool
  ) throws(AttackError) -> (ResidualPeeling, ResidualPeeling.Outcome) {
    let peeling = try ResidualPeeling(
      problem.weighted, problem.update, logitsCotangent: logitsCotangent, mode: problem.mode,
      backend: problem.backend)
    let outcome: ResidualPeeling.Outcome?
    do {
      outcome = try peeling.peel(shouldStop: shouldStop)
    } catch {
      guard error.kind == .notApplicable, !peeling.isNoisy else { throw error }
      outcome = nil
    }
    if let outcome,
      peeling.isNoisy
        || outcome.layers.first?.relativeResidual ?? 0 < ResidualPeeling.noiseEdge
    {
      return (peeling, outcome)
    }
    return (peeling.tolerant, try peeling.tolerant.peel(shouldStop: shouldStop))
  }

  private func fit(
    _ peeling: ResidualPeeling, _ outcome: ResidualPeeling.Outcome, start: Tensor?,
    _ shouldStop: (Int) -> Bool
  ) throws(AttackError) -> Tensor {
    let shape = peeling.network.graph[peeling.network.data].shape
    let found = try AttackError.naming(peeling.model.name, "attacked") {
      () throws(GraphError) -> SolverResult? in
      guard let residuals = try ImageResiduals(peeling, outcome) else { return nil }
      if let start {
        return try descend(
          residuals, from: start.doubles, steps: Self.stepsOfNearMiss, peeling, shouldStop)
      }
      return try search(residuals, peeling, shouldStop)
    }
    guard let found, found.value.isFinite else {
      throw AttackError(
        "residual peeling found no values inside the model that an example could be fitted to; use the attack auto"
      )
    }
    return Tensor(shape, .f64(Self.withExactZeros(found.point)))
  }

  /// Sets to 0 what is 0 but for rounding.
  ///
  /// Without biases, as below batch normalisation of fresh statistics, a black rim has arguments of exactly 0
  /// all the way up, where a rectifier's slope is 0; the smallest rest of a pixel would make it 1.
  private static func withExactZeros(_ point: [Double]) -> [Double] {
    let edge = zeroShare * point.reduce(0) { max($0, abs($1)) }
    return point.map { abs($0) < edge ? 0 : $0 }
  }

  /// Share of the largest value below which a value is taken for 0.
  private static let zeroShare = 1e-9

  /// From grey, and from near the best end so far: where a unit that ought to be active is not, a minimum can be
  /// none of the whole.
  private func search(
    _ residuals: ImageResiduals, _ peeling: ResidualPeeling, _ shouldStop: (Int) -> Bool
  ) throws(GraphError) -> SolverResult {
    let grey = [Double](repeating: 0.5, count: residuals.dimension)
    let solved = peeling.isNoisy ? Self.solvedWithNoise : Self.solved
    var best = try descend(residuals, from: grey, steps: Self.mostSteps, peeling, shouldStop)
    if best.value > solved, best.reason != .interrupted, residuals.isOfImages {
      let result = try descendSmoothly(residuals, from: grey, peeling, shouldStop)
      if result.value < best.value || result.reason == .interrupted {
        best = result.value < best.value ? result : best.interrupted
      }
    }
    var source = RandomSource(seed: 0x5eaf).derive(label: "disturbed starts")
    var failures = 0
    for disturbance in Self.disturbances where best.value < Self.hopeless {
      // With errors in the equations, a minimum that is smooth is the one they leave.
      guard best.value > solved, best.reason != .interrupted,
        !(peeling.isNoisy && best.reason == .converged), failures < Self.patience
      else { break }
      let point = best.point.map { $0 + disturbance * source.normal() }
      let result = try descend(
        residuals, from: point, steps: Self.mostSteps, peeling, shouldStop)
      failures = result.value < best.value ? 0 : failures + 1
      if result.value < best.value || result.reason == .interrupted {
        best = result.value < best.value ? result : best.interrupted
      }
    }
    return best
  }

  /// From grey among smooth images first, then among ever rougher ones: large shapes settle the slopes of most
  /// units, before there are details that could make up for wrong ones.
  private func descendSmoothly(
    _ residuals: ImageResiduals, from start: [Double], _ peeling: ResidualPeeling,
    _ shouldStop: (Int) -> Bool
  ) throws(GraphError) -> SolverResult {
    var point = start
    defer { residuals.setSmoothness(0) }
    for weight in Self.smoothnessWeights {
      residuals.setSmoothness(weight)
      point = try descend(
        residuals, from: point, steps: Self.stepsAmongSmooth, window: 3, peeling, shouldStop
      ).point
    }
    residuals.setSmoothness(0)
    return try descend(residuals, from: point, steps: Self.mostSteps, peeling, shouldStop)
  }

  /// Of neighbours' differences, beside residuals of 1 for an image of nothing.
  private static let smoothnessWeights = [3e-2, 1e-2, 3e-3, 1e-3]
  private static let stepsAmongSmooth = 10

  /// Standard deviations of what is added to the best image so far, one start after the other.
  private static let disturbances = [0.01, 0.03, 0.1, 0.03, 0.1, 0.03, 0.1, 0.3, 0.03, 0.1]
  /// Of Levenberg-Marquardt, from each start.
  private static let mostSteps = 150
  private static let stepsOfNearMiss = 6
  /// Squared relative residual above which an end is no near miss of the image.
  private static let hopeless = 1e-2
  /// Starts in a row that bring nothing.
  private static let patience = 3
  /// Squared relative residual of exact equations.
  private static let solved = 1e-15
  private static let solvedWithNoise = 1e-9

  private func descend(
    _ residuals: ImageResiduals, from point: [Double], steps: Int, window: Int = 12,
    _ peeling: ResidualPeeling, _ shouldStop: (Int) -> Bool
  ) throws(GraphError) -> SolverResult {
    let solver = LevenbergMarquardt(
      algebra: peeling.backend.linearAlgebra, initialDamping: 1e-3, success: 0.3, refusalLimit: 30)
    let rule = StoppingRule(
      iterations: steps, solvedBelow: 1e-29, stagnationWindow: window, stagnationFactor: 0.9)
    let outcome = try solver.minimizeSquares(residuals, from: point, until: rule) { progress, _ in
      shouldStop(progress.iteration) ? .stop(.interrupted) : .proceed
    }
    return outcome.result
  }
}

extension SolverResult {
  /// The same end, of a search that was stopped later.
  fileprivate var interrupted: SolverResult {
    SolverResult(
      point: point, value: value, iterations: iterations, evaluations: evaluations,
      reason: .interrupted)
  }
}

import TensorGraph

/// Limited-memory BFGS (Nocedal 1980; Nocedal & Wright, Numerical Optimization, Algorithm 7.4) with
/// a strong-Wolfe line search.
///
/// The original attack's script uses L-BFGS without a line search, and diverges on about 4 of 10
/// starts; with the search the objective never rises.
public struct LBFGS: Solver, Equatable {
  /// Pairs of steps and gradient changes kept.
  public var history: Int
  /// How far a step goes.
  public var lineSearch: StrongWolfeLineSearch
  /// Converged when the largest absolute component of the gradient is at most this.
  public var gradientTolerance: Double

  /// The usual settings, but for what is given.
  public init(
    history: Int = 100, lineSearch: StrongWolfeLineSearch = StrongWolfeLineSearch(),
    gradientTolerance: Double = 0
  ) {
    precondition(history > 0, "history is \(history), not positive")
    self.history = history
    self.lineSearch = lineSearch
    self.gradientTolerance = gradientTolerance
  }

  /// Takes steps that never raise the objective until the rule or the observer ends it.
  public func minimize(
    _ objective: any ObjectiveFunction, from start: [Double], until rule: StoppingRule,
    observe: (SolverProgress, UnsafeBufferPointer<Double>) -> SolverDecision
  ) throws(GraphError) -> SolverResult {
    let count = objective.dimension
    precondition(start.count == count, "a start of \(start.count) for \(count) coordinates")
    let state = try LineSearchState(objective: objective, start: start)
    defer { state.deallocate() }
    let pairs = CurvaturePairs(capacity: history, dimension: count)
    defer { pairs.deallocate() }
    let direction = MutableVector.allocate(capacity: max(count, 1))
    defer { direction.deallocate() }
    let directionView = MutableVector(rebasing: direction[0..<count])

    var monitor = StagnationMonitor(rule: rule, startValue: state.value)
    var iteration = 0
    func finish(_ reason: StopReason) -> SolverResult {
      SolverResult(
        point: Array(state.point), value: state.value, iterations: iteration,
        evaluations: state.evaluations, reason: reason)
    }
    while true {
      let gradientNorm = maximumNorm(Vector(state.gradient))
      let progress = SolverProgress(
        iteration: iteration, evaluations: state.evaluations, value: state.value,
        gradientNorm: gradientNorm)
      if case .stop(let reason) = observe(progress, Vector(state.point)) { return finish(reason) }
      if let reason = monitor.reasonToStop(value: state.value, iteration: iteration) {
        return finish(reason)
      }
      guard gradientNorm.isFinite else { return finish(.diverged) }
      if gradientNorm <= gradientTolerance { return finish(.converged) }

      pairs.quasiNewtonDirection(for: Vector(state.gradient), into: directionView)
      var slope = dot(Vector(directionView), Vector(state.gradient))
      if !(slope < 0) {
        // Rounding has spoilt the curvature pairs: start again from steepest descent.
        pairs.removeAll()
        pairs.quasiNewtonDirection(for: Vector(state.gradient), into: directionView)
        slope = dot(Vector(directionView), Vector(state.gradient))
      }
      // Without curvature the first step has unit length in the 1-norm at most.
      let firstStep =
        pairs.isEmpty ? min(1, 1 / absoluteSum(Vector(state.gradient))) : 1
      let outcome = try lineSearch.search(
        state, along: Vector(directionView), slope: slope, firstStep: firstStep)
      guard outcome.didDescend else {
        if pairs.isEmpty { return finish(.converged) }
        pairs.removeAll()
        continue
      }
      pairs.append(
        step: outcome.step, direction: Vector(directionView),
        gradient: Vector(state.gradient), previousGradient: Vector(state.previousGradient))
      iteration += 1
    }
  }
}

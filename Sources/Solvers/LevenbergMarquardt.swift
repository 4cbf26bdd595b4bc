import TensorGraph

/// Levenberg-Marquardt (Levenberg 1944, Marquardt 1963; Nocedal & Wright, chapter 10.3): steps
/// s = -(JᵀJ + λI)⁻¹ Jᵀr, with λ lowered after a step that lowers the objective and raised after one
/// that does not. Gradient matching is an ill-conditioned least-squares problem; this is Newton's
/// speed near the solution without second derivatives of r.
package struct LevenbergMarquardt: Solver {
  /// First λ, relative to the mean of JᵀJ's diagonal at the start.
  package var initialDamping: Double
  /// λ's factor after a step that lowers the objective.
  package var success: Double
  /// λ's factor after a step that does not.
  package var failure: Double
  /// Refused steps in a row after which the point counts as stationary.
  package var refusalLimit: Int
  /// Bytes that the normal matrix may take; a larger problem is solved without one.
  package var memoryLimit: Int
  /// Dense linear algebra for the factors.
  package var algebra: any LinearAlgebra

  /// A step that is to lower the objective by less than this part of it finds it at its lowest: only the
  /// rounding of the data keeps it from 0 there, as MINPACK's `ftol` says (Moré 1978).
  private static let negligiblePromise = 1e-10

  package init(
    algebra: any LinearAlgebra, initialDamping: Double = 0.2, success: Double = 0.1,
    failure: Double = 10, refusalLimit: Int = 12, memoryLimit: Int = 4 << 30
  ) {
    precondition(
      initialDamping > 0 && (0..<1).contains(success) && failure > 1,
      "damping \(initialDamping), factors \(success) and \(failure)")
    self.algebra = algebra
    self.initialDamping = initialDamping
    self.success = success
    self.failure = failure
    self.refusalLimit = refusalLimit
    self.memoryLimit = memoryLimit
  }

  /// - Parameter objective: must be a ``LeastSquaresFunction``.
  package func minimize(
    _ objective: any ObjectiveFunction, from start: [Double], until rule: StoppingRule,
    observe: (SolverProgress, UnsafeBufferPointer<Double>) -> SolverDecision
  ) throws(GraphError) -> SolverResult {
    guard let function = objective as? any LeastSquaresFunction else {
      preconditionFailure(
        "Levenberg-Marquardt minimises sums of squares, not \(type(of: objective))")
    }
    return try minimizeSquares(function, from: start, until: rule, observe: observe).result
  }

  /// As ``minimize(_:from:until:observe:)``, with what the second-order steps took and an estimate of
  /// the extreme eigenvalues of JᵀJ at the end.
  package func minimizeSquares(
    _ function: any LeastSquaresFunction, from start: [Double], until rule: StoppingRule,
    observe: (SolverProgress, Vector) -> SolverDecision
  ) throws(GraphError) -> LevenbergMarquardtResult {
    precondition(
      start.count == function.dimension, "a start of \(start.count) for \(function.dimension)")
    var run = try Run(solver: self, function: function, start: start, rule: rule)
    let reason = try run.iterate(observe)
    return try run.finished(reason)
  }
}

/// The end of a Levenberg-Marquardt run.
package struct LevenbergMarquardtResult {
  package let result: SolverResult
  package let counts: SecondOrderCounts
  /// Of JᵀJ at the end, as far as the last factor tells; nil without one.
  package let extremeEigenvalues: (smallest: Double, largest: Double)?

  /// The end of another run that began at this one, with the work of both.
  package func followed(by next: LevenbergMarquardtResult) -> LevenbergMarquardtResult {
    LevenbergMarquardtResult(
      result: SolverResult(
        point: next.result.point, value: next.result.value,
        iterations: result.iterations + next.result.iterations,
        evaluations: result.evaluations + next.result.evaluations, reason: result.reason),
      counts: counts + next.counts,
      extremeEigenvalues: next.extremeEigenvalues ?? extremeEigenvalues)
  }

  /// The same end with the value of another objective there.
  package func replacing(value: Double) -> LevenbergMarquardtResult {
    LevenbergMarquardtResult(
      result: result.replacing(value: value),
      counts: counts, extremeEigenvalues: extremeEigenvalues)
  }
}

extension LevenbergMarquardt {
  /// One run's state.
  private struct Run {
    let solver: LevenbergMarquardt
    let function: any LeastSquaresFunction
    let equations: NormalEquations
    let rule: StoppingRule
    var point: [Double]
    var gradient: [Double]
    var value: Double
    var damping: Double
    var evaluations = 1
    var iteration = 0
    var monitor: StagnationMonitor

    init(
      solver: LevenbergMarquardt, function: any LeastSquaresFunction, start: [Double],
      rule: StoppingRule
    ) throws(GraphError) {
      self.solver = solver
      self.function = function
      self.rule = rule
      equations = NormalEquations(
        function, algebra: solver.algebra, memoryLimit: solver.memoryLimit,
        deadline: rule.deadline)
      point = start
      gradient = [Double](repeating: 0, count: start.count)
      value = try function.evaluate(at: start, gradient: &gradient)
      let equations = equations
      let diagonal = try start.withUnsafeBufferPointer { start throws(GraphError) in
        try equations.meanDiagonal(at: start)
      }
      damping = solver.initialDamping * max(diagonal, .leastNormalMagnitude)
      monitor = StagnationMonitor(rule: rule, startValue: value)
    }

    mutating func iterate(
      _ observe: (SolverProgress, Vector) -> SolverDecision
    ) throws(GraphError) -> StopReason {
      var refusals = 0
      while true {
        if case .stop(let reason) = ask(observe) { return reason }
        if refusals == 0, let reason = monitor.reasonToStop(value: value, iteration: iteration) {
          return reason
        }
        let rightHandSide = gradient.map { -0.5 * $0 }
        var interruption: StopReason?
        let step = try point.withUnsafeBufferPointer { point throws(GraphError) in
          try equations.solve(
            rightHandSide, at: point, pointID: iteration, damping: damping
          ) {
            if case .stop(let reason) = ask(observe) { interruption = reason }
            return interruption != nil
          }
        }
        if let interruption { return interruption }
        guard let step else {
          // Not even the damped matrix was positive definite.
          damping *= solver.failure
          refusals += 1
          if refusals > solver.refusalLimit { return .stagnated }
          continue
        }
        // The model's value falls by bᵀs + λ|s|².
        let promise = dot(rightHandSide, step) + damping * dot(step, step)
        if promise <= LevenbergMarquardt.negligiblePromise * value { return .converged }
        var trialGradient = gradient
        let trial = zip(point, step).map { $0 + $1 }
        let trialValue = try function.evaluate(at: trial, gradient: &trialGradient)
        evaluations += 1
        if trialValue < value {
          point = trial
          gradient = trialGradient
          value = trialValue
          damping *= solver.success
          iteration += 1
          refusals = 0
        } else {
          damping *= solver.failure
          refusals += 1
          if isNegligible(step) { return .converged }
          if refusals > solver.refusalLimit { return .stagnated }
        }
      }
    }

    /// Whether a step is lost in the rounding of the point.
    private func isNegligible(_ step: [Double]) -> Bool {
      zip(step, point).allSatisfy { abs($0) <= 1e-13 * max(abs($1), 1) }
    }

    private func ask(_ observe: (SolverProgress, Vector) -> SolverDecision) -> SolverDecision {
      let progress = SolverProgress(
        iteration: iteration, evaluations: evaluations, value: value,
        gradientNorm: gradient.withUnsafeBufferPointer { maximumNorm($0) })
      return point.withUnsafeBufferPointer { observe(progress, $0) }
    }

    func finished(_ reason: StopReason) throws(GraphError) -> LevenbergMarquardtResult {
      let extremes =
        equations.hasFactor
        ? try point.withUnsafeBufferPointer { point throws(GraphError) in
          try equations.extremeEigenvalues(at: point)
        } : nil
      return LevenbergMarquardtResult(
        result: SolverResult(
          point: point, value: value, iterations: iteration, evaluations: evaluations,
          reason: reason),
        counts: equations.counts, extremeEigenvalues: extremes)
    }
  }
}

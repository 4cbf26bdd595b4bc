import Clients
import Solvers
import TensorGraph

extension AutomaticAttack {
  /// Takes a batch apart at the last layer and peels the layers below; where they leave the images
  /// open, seeks them with everything behind known. Enters trials when it comes so far; an update that
  /// several local steps or a defence are behind is left alone.
  ///
  /// - Returns: what the layers gave; nothing where this does not apply.
  func peelBatch(
    _ problem: AttackProblem, _ run: inout AttackRun
  ) throws(AttackError) -> [LayerPeeling.Layer] {
    guard problem.counter.isNone, problem.update.training == nil,
      let peeled = try run.searching({ run throws(AttackError) in
        try AttackError.ifApplicable { () throws(AttackError) in try problem.peeledBatch(run) }
      })
    else { return [] }
    switch peeled.outcome {
    case .images(let result):
      let solution = ClosedFormSolution(result, labels: result.labels)
      if solution.isFinite { try enter(solution, of: PeelingAttack(), problem, &run) }
      return result.layers
    case .open(let end, let layers):
      try seek(below: end, peeled.labels, peeled.peeling, problem, &run)
      return layers
    }
  }

  /// Weights of neighbours' differences, one after the other, where the equations are too few: small
  /// beside equations, which are exact.
  private static let smoothnessWeights = [0.1, 0.01, 1e-3]

  /// Steps for each of them at most: the smoothest batch is one of many, and its last digits say nothing.
  private static let smoothingSteps = 40

  /// Relative matching loss below which a batch is near the right one, or, where the gradient does not
  /// determine it, one of those that share the gradient. A search without a wish for smoothness fits
  /// better, and shows less.
  private static let smoothFit = 1e-3

  private static let openEndName = "layer peeling + levenberg-marquardt"

  /// Layer peeling, and a search below the layer where it ends.
  ///
  /// - Parameter isDetermined: whether the equations tell the images; a wish for smooth ones chooses
  ///   otherwise.
  private func method(isDetermined: Bool) -> AttackMethod {
    AttackMethod(
      name: Self.openEndName, category: isDetermined ? .eavesdropper : .informedEavesdropper,
      needs: secondOrder.descriptor.needs)
  }

  /// Whether no search can tell more than the smoothest batch that was found.
  func isSmoothestFound(_ problem: AttackProblem, _ run: AttackRun) -> Bool {
    guard problem.equationBound < problem.unknownCount, let best = run.best else {
      return false
    }
    let trial = run.entries[best].trial
    return trial.method.name == Self.openEndName
      && trial.matchingLoss <= Self.smoothFit * problem.matched.squaredNorm
  }

  /// Levenberg-Marquardt on ``OpenEndResiduals`` from random starts.
  private func seek(
    below end: LayerPeeling.OpenEnd, _ labels: [Int], _ peeling: LayerPeeling,
    _ problem: AttackProblem, _ run: inout AttackRun
  ) throws(AttackError) {
    let function = try problem.residuals(labels, &run)
    let residuals = try run.compiling { () throws(GraphError) in
      try OpenEndResiduals(
        peeling, end, problem.weighted, problem.update, backend: problem.backend)
    }
    let isDetermined = problem.equationBound >= problem.unknownCount
    for trial in 0..<problem.configuration.trials {
      var point = problem.dummyBatch(trial, dimension: residuals.dimension)
      for weight in isDetermined ? [0] : Self.smoothnessWeights {
        residuals.setSmoothness(weight)
        let zeros = [Double](repeating: 0, count: residuals.dimension)
        let scale = try problem.value(of: residuals, at: zeros)
        let limit = isDetermined ? 200 : Self.smoothingSteps
        let rule = StoppingRule(
          iterations: min(problem.configuration.iterations, limit), solvedBelow: 1e-29 * scale,
          stagnationWindow: isDetermined ? 8 : 4, stagnationFactor: 0.9)
        let start = point
        try run.search(
          method: method(isDetermined: isDetermined), labels: { _ in labels },
          solve: { observer throws(GraphError) in
            let outcome = try problem.solver.minimizeSquares(
              residuals, from: start, until: rule, observe: observer)
            // In records it is the matching loss that counts.
            let loss = try function.value(at: outcome.result.point)
            return AttackRun.Outcome(outcome.replacing(value: loss))
          })
        if run.wasStopped { return }
        point = run.entries.last?.images ?? point
      }
      if problem.isSolved(run) || !isDetermined { return }
      // Rounding of the update, which every layer multiplied, can be taken back by full steps.
      if let loss = run.entries.last?.trial.matchingLoss,
        loss <= Self.smoothFit * problem.matched.squaredNorm
      {
        return try secondOrder.descend(
          function, from: point, labels: labels, problem, &run)
      }
    }
  }
}

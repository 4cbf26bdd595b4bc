import Solvers
import TensorGraph

/// One trial of an ``OptimizationPlan``: its solver on each scale in turn.
struct PlanSearch {
  let plan: OptimizationPlan
  /// One for each scale.
  let functions: [PlanFunction]
  /// [N, C, H, W].
  let batchShape: Shape
  /// Of the shared update.
  let squaredNorm: Double
  let iterations: Int
  let solvedBelow: Double
  /// Where epochs have dummy images of their own; nil where they share them.
  var epochs: EpochMatching?

  typealias Observer = (SolverProgress, Vector) -> SolverDecision

  func run(
    from start: [Double], noise: RandomSource, _ observe: Observer
  ) throws(GraphError) -> AttackRun.Outcome {
    var point = start
    var (iteration, evaluations) = (0, 0)
    var reason = StopReason.iterationLimit
    for (index, function) in functions.enumerated() {
      let end = iterations * (index + 1) / functions.count
      let (before, evaluated) = (iteration, evaluations)
      let result = try minimize(function, from: point, iterations: max(end - before, 1), noise) {
        progress, point in
        let whole = SolverProgress(
          iteration: before + progress.iteration, evaluations: evaluated + progress.evaluations,
          value: isPlain ? progress.value : function.seeds[function.bestSeed].squaredDistance,
          gradientNorm: progress.gradientNorm)
        guard function.dummyShape != batchShape else { return observe(whole, point) }
        return images(of: Array(point), function).withUnsafeBufferPointer { observe(whole, $0) }
      }
      point = result.point
      iteration += result.iterations
      evaluations += result.evaluations
      reason = result.reason
      let wasStopped = [.interrupted, .timeLimit, .goalReached].contains(reason)
      if wasStopped || index == functions.count - 1 {
        return try outcome(result, function, iteration, evaluations)
      }
      point = point.resized(from: function.dummyShape, to: functions[index + 1].dummyShape)
    }
    preconditionFailure("a plan without scales")
  }

  /// Whether the function's value is the squared distance itself.
  private var isPlain: Bool {
    let objective = plan.objective
    return objective.kind == .l2 && objective.layerWeights == .equal && objective.weight == 1
      && objective.parameters.isEmpty && !plan.prior.areActive && plan.prior.group.seeds == 1
  }

  /// The best seed's images at full size, then the labels' logits.
  private func outcome(
    _ result: SolverResult, _ function: PlanFunction, _ iterations: Int, _ evaluations: Int
  ) throws(GraphError) -> AttackRun.Outcome {
    if isPlain, function.dummyShape == batchShape {
      return AttackRun.Outcome(
        SolverResult(
          point: result.point, value: result.value, iterations: iterations,
          evaluations: evaluations, reason: result.reason))
    }
    // The best point need not be the one evaluated last.
    _ = try function.value(at: result.point)
    let best = function.bestSeed
    let distance = try function.exactSquaredDistance(ofSeed: best)
    var outcome = AttackRun.Outcome(
      SolverResult(
        point: images(of: result.point, function), value: distance,
        iterations: iterations, evaluations: evaluations + 1,
        reason: distance <= solvedBelow * squaredNorm
          && result.reason == .iterationLimit
          ? .solved : result.reason))
    outcome.objective = function.seeds[best].objective
    return outcome
  }

  private func images(of point: [Double], _ function: PlanFunction) -> [Double] {
    let shape = function.dummyShape
    let count = shape.elementCount * batchShape[0] / shape[0]
    let seed = function.bestSeed
    let batch =
      epochs?.mean(of: point[..<shape.elementCount])
      ?? Array(point[seed * count..<(seed + 1) * count])
    return batch.resized(from: [batchShape[0], shape[1], shape[2], shape[3]], to: batchShape)
      + point[shape.elementCount...]
  }

  private func minimize(
    _ function: PlanFunction, from start: [Double], iterations: Int, _ noise: RandomSource,
    _ observe: Observer
  ) throws(GraphError) -> SolverResult {
    switch plan.solver.kind {
    case .lbfgs:
      let rule = StoppingRule(iterations: iterations, solvedBelow: solvedValue)
      return try LBFGS().minimize(function, from: start, until: rule, observe: observe)
    case .adam:
      // Schedules count on all iterations, so that stagnation is no reason to stop.
      let rule = StoppingRule(
        iterations: iterations, solvedBelow: solvedValue, stagnationWindow: 0)
      return try plan.solver.adam(plan.constraints, function.dummyShape, noise)
        .minimize(function, from: start, until: rule, observe: observe)
    }
  }

  /// The function's value at which the trial is solved; never with priors, which are not 0 there.
  private var solvedValue: Double {
    guard !plan.prior.areActive else { return -.infinity }
    switch plan.objective.kind {
    case .l2, .tag: return plan.objective.weight * solvedBelow * squaredNorm
    case .l1: return 0
    case .cosine, .layerCosine, .maskedCosine, .angular: return plan.objective.weight * solvedBelow
    }
  }
}

extension SolverSettings {
  /// - Parameter shape: of the dummy images.
  fileprivate func adam(
    _ constraints: Constraints, _ shape: Shape, _ noiseSource: RandomSource
  ) -> Adam {
    var adam = Adam(rate: rate, schedule: schedule, gradientForm: gradient)
    adam.warmUp = warmUp
    adam.clipNorm = clip > 0 ? clip : nil
    adam.weightDecay = weightDecay
    if noise > 0 { adam.noise = Adam.Noise(scale: noise, source: noiseSource) }
    if constraints.box || constraints.medianFilterEvery > 0 {
      adam.constraint = PixelConstraint(
        shape: shape, range: constraints.box ? 0...1 : nil,
        medianFilterEvery: constraints.medianFilterEvery)
    }
    return adam
  }
}

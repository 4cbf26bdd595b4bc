import Clients
import Solvers
import TensorGraph

/// A search for examples of a known structure: from several starts, whose ends are put in one order and pooled (Vero et al.
/// 2023, arXiv 2210.01785, sections 4.1 and 4.2). Where starts agree, what they agree on is likelier to be right (section 4.3).
extension PlanAttack {
  /// Enters one trial, the pooled batch of all starts.
  func searchStructured(
    trials: Int, iterations: Int, precision: Precision, _ problem: AttackProblem,
    _ run: inout AttackRun
  ) throws(AttackError) {
    guard let structure = problem.weighted.model.inputStructure else {
      throw AttackError(
        "\(plan.name) seeks rows of a table, whose columns are known; attack a table, or choose another attack"
      )
    }
    guard let labels = try problem.labels(for: plan) else {
      throw AttackError(
        "\(plan.name) takes labels that are counted first, and this update does not tell them; assume them with labels=known"
      )
    }
    let known = PlanFunction.Known(
      labels: labels, matched: problem.update.sharedParameters, features: nil)
    let function = try run.compiling { () throws(GraphError) in
      try PlanFunction(plan, problem, known, scale: 1, precision: precision)
    }
    let search = StructuredSearch(
      plan: plan, function: function,
      inputs: StructuredInputs(structure: structure, count: problem.update.batchSize),
      labels: labels, iterations: iterations)
    var restarts: [[Double]] = []
    try run.search(
      method: descriptor.method, labels: { _ in labels },
      solve: { observer throws(GraphError) in
        let found = try search.run(
          starts: trials, RandomSource(seed: problem.configuration.seed).derive(label: "trial"),
          observer)
        restarts = found.restarts
        return found.outcome
      })
    run.enter(restarts: restarts.map { Tensor(problem.batchShape, .f64($0)) })
  }
}

/// The starts of a structured plan.
private struct StructuredSearch {
  let plan: OptimizationPlan
  let function: PlanFunction
  let inputs: StructuredInputs
  let labels: [Int]
  let iterations: Int

  /// - Returns: the pooled batch, and the batches of all starts in its order.
  func run(
    starts: Int, _ source: RandomSource,
    _ observe: (SolverProgress, Vector) -> SolverDecision
  ) throws(GraphError) -> (outcome: AttackRun.Outcome, restarts: [[Double]]) {
    var ends: [(objective: Double, batch: [Double])] = []
    var (done, evaluations) = (0, 0)
    var reason = StopReason.iterationLimit
    let adam = Adam(
      rate: plan.solver.rate, schedule: plan.solver.schedule, gradientForm: plan.solver.gradient)
    for start in 0..<starts {
      var numbers = source.derive(index: start)
      let point = (0..<inputs.dimension).map { _ in numbers.normal() }
      let objective = StructuredFunction(function, inputs, iterations: iterations)
      let result = try adam.minimize(
        objective, from: point, until: StoppingRule(iterations: iterations, stagnationWindow: 0)
      ) { progress, _ in
        objective.values.withUnsafeBufferPointer {
          observe(
            SolverProgress(
              iteration: done + progress.iteration,
              evaluations: evaluations + progress.evaluations,
              value: function.seeds[0].squaredDistance, gradientNorm: progress.gradientNorm), $0)
        }
      }
      done += result.iterations
      evaluations += result.evaluations
      let batch = result.point.withUnsafeBufferPointer {
        inputs.values(of: $0, temperature: objective.temperature)
      }
      ends.append((try function.value(at: batch), batch))
      reason = result.reason
      if [.interrupted, .timeLimit, .goalReached].contains(reason) { break }
    }
    let best = ends.min { $0.objective < $1.objective }?.batch ?? []
    let aligned = ends.map { inputs.aligned($0.batch, to: best, labels: labels) }
    let pooled = inputs.pooled(aligned)
    let value = try function.value(at: pooled)
    var outcome = AttackRun.Outcome(
      SolverResult(
        point: pooled, value: try function.exactSquaredDistance(ofSeed: 0), iterations: done,
        evaluations: evaluations + ends.count + 1, reason: reason))
    outcome.objective = value
    return (outcome, aligned)
  }
}

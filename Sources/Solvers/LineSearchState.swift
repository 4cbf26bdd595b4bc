import TensorGraph

/// The current point of a line-searching solver, with buffers for the samples of one search, so that
/// no evaluation allocates and an accepted sample is not evaluated twice.
final class LineSearchState {
  private let objective: any ObjectiveFunction
  /// The current point, its gradient and its value.
  private(set) var point: MutableVector
  private(set) var gradient: MutableVector
  private(set) var value: Double
  /// The gradient at the point before the last accepted step.
  private(set) var previousGradient: MutableVector
  private(set) var evaluations: Int

  private var trialPoint: MutableVector
  private var trialGradient: MutableVector
  private var bestGradient: MutableVector
  private var trial: (step: Double, value: Double) = (0, .infinity)
  private var best: (step: Double, value: Double) = (0, .infinity)
  private var direction = Vector(start: nil, count: 0)
  private let memory: MutableVector

  init(objective: any ObjectiveFunction, start: [Double]) throws(GraphError) {
    self.objective = objective
    let count = start.count
    memory = .allocate(capacity: max(6 * count, 1))
    memory.initialize(repeating: 0)
    let memory = memory
    func part(_ index: Int) -> MutableVector {
      MutableVector(rebasing: memory[index * count..<(index + 1) * count])
    }
    point = part(0)
    gradient = part(1)
    previousGradient = part(2)
    trialPoint = part(3)
    trialGradient = part(4)
    bestGradient = part(5)
    for index in 0..<count { point[index] = start[index] }
    value = .nan
    evaluations = 1
    do throws(GraphError) {
      value = try objective.evaluate(at: Vector(point), gradient: gradient)
    } catch {
      memory.deallocate()
      throw error
    }
  }

  func deallocate() { memory.deallocate() }

  func beginSearch(along direction: Vector) {
    self.direction = direction
    best = (0, .infinity)
    trial = (0, .infinity)
  }

  /// Value and slope at `step` along the direction.
  func evaluate(step: Double) throws(GraphError) -> (value: Double, slope: Double) {
    // The lowest sample is the one that a search falls back to: keep its gradient.
    if trial.step > 0, trial.value < best.value {
      best = trial
      swap(&bestGradient, &trialGradient)
    }
    moveTrialPoint(to: step)
    trial = (step, try objective.evaluate(at: Vector(trialPoint), gradient: trialGradient))
    evaluations += 1
    return (trial.value, dot(Vector(trialGradient), direction))
  }

  /// Makes the sample at `step` the current point.
  func accept(step: Double) throws(GraphError) {
    moveTrialPoint(to: step)
    swap(&previousGradient, &gradient)
    if trial.step == step {
      swap(&gradient, &trialGradient)
      value = trial.value
    } else if best.step == step {
      swap(&gradient, &bestGradient)
      value = best.value
    } else {
      value = try objective.evaluate(at: Vector(trialPoint), gradient: gradient)
      evaluations += 1
    }
    swap(&point, &trialPoint)
  }

  /// Leaves the current point as it is.
  func cancelSearch() {
    trial = (0, .infinity)
    best = (0, .infinity)
  }

  private func moveTrialPoint(to step: Double) {
    for index in 0..<point.count { trialPoint[index] = point[index] + step * direction[index] }
  }
}

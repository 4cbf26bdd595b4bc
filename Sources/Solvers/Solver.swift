import TensorGraph

/// A smooth function to minimise, with its gradient. Points are flat vectors.
public protocol ObjectiveFunction: AnyObject {
  /// Number of coordinates of a point.
  var dimension: Int { get }

  /// The value at `point`; writes the gradient there to `gradient`. Both have ``dimension`` elements.
  ///
  /// - Throws: `GraphError` when a backend fails to compute it.
  func evaluate(
    at point: UnsafeBufferPointer<Double>, gradient: UnsafeMutableBufferPointer<Double>
  ) throws(GraphError) -> Double
}

extension ObjectiveFunction {
  /// The same with arrays.
  package func evaluate(at point: [Double], gradient: inout [Double]) throws(GraphError) -> Double {
    try point.withUnsafeBufferPointer { point throws(GraphError) in
      try gradient.withUnsafeMutableBufferPointer { gradient throws(GraphError) in
        try evaluate(at: point, gradient: gradient)
      }
    }
  }

  /// The value at one point.
  package func value(at point: [Double]) throws(GraphError) -> Double {
    var gradient = [Double](repeating: 0, count: dimension)
    return try evaluate(at: point, gradient: &gradient)
  }
}

/// What a solver has reached after one iteration.
public struct SolverProgress: Sendable {
  /// Iterations finished; 0 for the starting point.
  public let iteration: Int
  /// Evaluations of the objective and its gradient so far.
  public let evaluations: Int
  /// The objective at the current point.
  public let value: Double
  /// Largest absolute component of the gradient.
  public let gradientNorm: Double

  /// Of the properties of these names.
  public init(iteration: Int, evaluations: Int, value: Double, gradientNorm: Double) {
    self.iteration = iteration
    self.evaluations = evaluations
    self.value = value
    self.gradientNorm = gradientNorm
  }
}

/// Why a solver stopped.
public enum StopReason: String, Codable, Sendable, CaseIterable {
  /// The objective fell below the asked threshold.
  case solved
  /// The gradient or the step vanished to rounding.
  case converged
  /// The objective no longer falls noticeably.
  case stagnated
  /// The objective became infinite, not a number, or far larger than at the start.
  case diverged
  case iterationLimit
  case timeLimit
  /// The observer asked to stop, for instance because the user pressed Ctrl-C.
  case interrupted
  /// The observer had seen what it wanted to know, such as that an image can be recognised.
  case goalReached
}

/// When a solver gives up or is satisfied.
public struct StoppingRule: Sendable, Equatable {
  /// Iterations at most.
  public var iterations: Int
  /// Stops as solved when the objective is at most this.
  public var solvedBelow: Double
  /// Stagnation test: over this many iterations ...
  public var stagnationWindow: Int
  /// ... the objective has to fall at least by this factor.
  public var stagnationFactor: Double
  /// Stops as diverged when the objective exceeds its starting value by this factor.
  public var divergenceFactor: Double
  /// The objective that rounding of the data leaves at the best: below it an iteration that gains less than
  /// a tenth is the last, as solved.
  public var roundingFloor = 0.0
  /// When the solver is to be done: what takes longer is not begun. The observer is what ends it.
  public var deadline: ContinuousClock.Instant?

  /// A rule with the usual tests, but for what is given.
  public init(
    iterations: Int, solvedBelow: Double = 0, stagnationWindow: Int = 100,
    stagnationFactor: Double = 0.99, divergenceFactor: Double = 1e6
  ) {
    self.iterations = iterations
    self.solvedBelow = solvedBelow
    self.stagnationWindow = stagnationWindow
    self.stagnationFactor = stagnationFactor
    self.divergenceFactor = divergenceFactor
  }
}

/// Whether a solver goes on; what an observer answers.
public enum SolverDecision: Sendable {
  case proceed
  case stop(StopReason)
}

/// The end of a minimisation.
public struct SolverResult: Sendable {
  /// The best point seen.
  public let point: [Double]
  /// The objective there.
  public let value: Double
  /// Iterations finished.
  public let iterations: Int
  /// Evaluations of the objective and its gradient.
  public let evaluations: Int
  /// Why it stopped.
  public let reason: StopReason

  package init(
    point: [Double], value: Double, iterations: Int, evaluations: Int, reason: StopReason
  ) {
    self.point = point
    self.value = value
    self.iterations = iterations
    self.evaluations = evaluations
    self.reason = reason
  }

  /// The same end with the value of another objective there.
  package func replacing(value: Double) -> SolverResult {
    SolverResult(
      point: point, value: value, iterations: iterations, evaluations: evaluations, reason: reason)
  }
}

/// Minimises an objective from a starting point.
public protocol Solver: Sendable {
  /// - Parameters:
  ///   - start: the first point, of the objective's dimension.
  ///   - observe: called after every iteration with the progress and the current point.
  /// - Throws: `GraphError` when the objective cannot be evaluated.
  func minimize(
    _ objective: any ObjectiveFunction, from start: [Double], until rule: StoppingRule,
    observe: (SolverProgress, UnsafeBufferPointer<Double>) -> SolverDecision
  ) throws(GraphError) -> SolverResult
}

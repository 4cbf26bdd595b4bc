#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Adam (Kingma & Ba 2015, arXiv 1412.6980, Algorithm 1), with a schedule of its rate, on the gradient
/// or on its signs, as Geiping et al. 2020 (arXiv 2003.14053, section 4) use it for gradient inversion.
public struct Adam: Solver, Equatable {
  /// How the rate falls over the iterations that the stopping rule allows.
  public enum Schedule: String, Codable, Sendable, CaseIterable {
    case constant
    /// A tenth of the rate after each of the shares 1 / 2.667, 1 / 1.6 and 1 / 1.142 of the iterations,
    /// as in the code of Geiping et al.
    case steps
    /// Half a cosine from the full rate to 0.
    case cosine

    /// The share of the rate at `iteration` of `count`.
    func factor(iteration: Int, of count: Int) -> Double {
      switch self {
      case .constant:
        return 1
      case .steps:
        let passed = [2.667, 1.6, 1.142].count { iteration >= Int(Double(count) / $0) }
        return pow(0.1, Double(passed))
      case .cosine:
        return 0.5 * (1 + cos(.pi * Double(iteration) / Double(max(count, 1))))
      }
    }
  }

  public var rate: Double
  /// Decay of the running means of the gradient and of its square.
  public var decay: (first: Double, second: Double)
  /// Added to the root of the mean square.
  public var epsilon: Double
  public var schedule: Schedule
  /// Whether the gradient is replaced by its signs.
  public var usesSigns: Bool

  public init(
    rate: Double = 0.1, decay: (first: Double, second: Double) = (0.9, 0.999),
    epsilon: Double = 1e-8, schedule: Schedule = .steps, usesSigns: Bool = false
  ) {
    precondition(
      rate > 0 && (0..<1).contains(decay.first) && (0..<1).contains(decay.second),
      "a rate of \(rate) with decays \(decay)")
    self.rate = rate
    self.decay = decay
    self.epsilon = epsilon
    self.schedule = schedule
    self.usesSigns = usesSigns
  }

  public static func == (left: Adam, right: Adam) -> Bool {
    left.rate == right.rate && left.decay == right.decay && left.epsilon == right.epsilon
      && left.schedule == right.schedule && left.usesSigns == right.usesSigns
  }

  public func minimize(
    _ objective: any ObjectiveFunction, from start: [Double], until rule: StoppingRule,
    observe: (SolverProgress, UnsafeBufferPointer<Double>) -> SolverDecision
  ) -> SolverResult {
    precondition(start.count == objective.dimension, "\(start.count) coordinates")
    var point = start
    var gradient = [Double](repeating: 0, count: start.count)
    var (mean, square) = (gradient, gradient)
    var value = evaluate(objective, point, &gradient)
    // Adam's values rise now and then: the best point counts.
    var best = (point: point, value: value)
    var monitor = StagnationMonitor(rule: rule, startValue: value)
    var iteration = 0
    while true {
      let progress = SolverProgress(
        iteration: iteration, evaluations: iteration + 1, value: value,
        gradientNorm: gradient.withUnsafeBufferPointer { maximumNorm($0) })
      var reason = monitor.reasonToStop(value: value, iteration: iteration)
      if case .stop(let asked) = point.withUnsafeBufferPointer({ observe(progress, $0) }) {
        reason = asked
      }
      if let reason {
        return SolverResult(
          point: best.point, value: best.value, iterations: iteration,
          evaluations: iteration + 1, reason: reason)
      }
      let step = rate * schedule.factor(iteration: iteration, of: rule.iterations)
      iteration += 1
      let correction = (
        1 - pow(decay.first, Double(iteration)), 1 - pow(decay.second, Double(iteration))
      )
      for index in point.indices {
        let slope = usesSigns ? sign(gradient[index]) : gradient[index]
        mean[index] = decay.first * mean[index] + (1 - decay.first) * slope
        square[index] = decay.second * square[index] + (1 - decay.second) * slope * slope
        let root = (square[index] / correction.1).squareRoot() + epsilon
        point[index] -= step * (mean[index] / correction.0) / root
      }
      value = evaluate(objective, point, &gradient)
      if value < best.value { best = (point, value) }
    }
  }

  private func sign(_ number: Double) -> Double { number > 0 ? 1 : (number < 0 ? -1 : 0) }

  private func evaluate(
    _ objective: any ObjectiveFunction, _ point: [Double], _ gradient: inout [Double]
  ) -> Double {
    point.withUnsafeBufferPointer { point in
      gradient.withUnsafeMutableBufferPointer { objective.evaluate(at: point, gradient: $0) }
    }
  }
}

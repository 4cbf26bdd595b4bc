import TensorGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Adam (Kingma & Ba 2015, arXiv 1412.6980, Algorithm 1), with a schedule of its rate, on the gradient
/// or on its signs, as Geiping et al. 2020 (arXiv 2003.14053, section 4) use it for gradient inversion;
/// with decoupled weight decay, gradient clipping, Langevin noise and constraints where asked for.
///
/// Schedules span the iterations that the stopping rule allows.
public struct Adam: Solver, Equatable {
  /// How the rate falls.
  public enum Schedule: String, Sendable, CaseIterable {
    case constant
    /// A tenth of the rate after each of the shares 1 / 2.667, 1 / 1.6 and 1 / 1.142 of the iterations,
    /// as in the code of Geiping et al.
    case steps
    /// Half a cosine from the full rate to 0.
    case cosine
    /// A straight line from the full rate to 0.
    case linear

    /// The share of the rate at `iteration` of `count`.
    func factor(iteration: Int, of count: Int) -> Double {
      let share = Double(iteration) / Double(max(count, 1))
      switch self {
      case .constant:
        return 1
      case .steps:
        let passed = [2.667, 1.6, 1.142].count { iteration >= Int(Double(count) / $0) }
        return pow(0.1, Double(passed))
      case .cosine:
        return 0.5 * (1 + cos(.pi * share))
      case .linear:
        return 1 - share
      }
    }
  }

  /// What Adam sees of the gradient.
  public enum GradientForm: String, Sendable, CaseIterable {
    case plain
    /// Its signs.
    case sign
    /// tanh(s g) / s with s falling from 1 to 0: signs at first, the gradient in the end.
    case softSign = "soft-sign"

    /// - Parameter progress: share of the iterations passed.
    func callAsFunction(_ slope: Double, progress: Double) -> Double {
      switch self {
      case .plain:
        return slope
      case .sign:
        return slope > 0 ? 1 : (slope < 0 ? -1 : 0)
      case .softSign:
        let sharpness = 1 - progress
        return sharpness > 1e-9 ? tanh(sharpness * slope) / sharpness : slope
      }
    }
  }

  /// Langevin noise: after each step, normal noise of `scale` times the step's rate is added.
  public struct Noise: Sendable, Equatable {
    /// Standard deviation of the noise, in steps.
    public var scale: Double
    /// What it is drawn from.
    public var source: RandomSource

    /// Noise of that scale.
    public init(scale: Double, source: RandomSource) {
      self.scale = scale
      self.source = source
    }
  }

  /// Length of a step for a gradient that keeps its sign.
  public var rate: Double
  /// Decay of the running means of the gradient and of its square.
  public var decay: (first: Double, second: Double)
  /// Added to the root of the mean square.
  public var epsilon: Double
  /// How the rate falls.
  public var schedule: Schedule
  /// Iterations over which the rate rises linearly first.
  public var warmUp = 0
  /// What is seen of the gradient.
  public var gradientForm: GradientForm
  /// Longest gradient, by its Euclidean norm, before its form is taken; nil for no limit.
  public var clipNorm: Double?
  /// AdamW's: each step takes this share of rate times point off the point.
  public var weightDecay = 0.0
  /// Nil for none.
  public var noise: Noise?
  /// Applied after every step; nil for none.
  package var constraint: PixelConstraint?

  /// The published defaults, but for what is given.
  public init(
    rate: Double = 0.1, decay: (first: Double, second: Double) = (0.9, 0.999),
    epsilon: Double = 1e-8, schedule: Schedule = .steps, gradientForm: GradientForm = .plain
  ) {
    precondition(
      rate > 0 && (0..<1).contains(decay.first) && (0..<1).contains(decay.second),
      "a rate of \(rate) with decays \(decay)")
    self.rate = rate
    self.decay = decay
    self.epsilon = epsilon
    self.schedule = schedule
    self.gradientForm = gradientForm
  }

  /// Whether all settings are equal.
  public static func == (left: Adam, right: Adam) -> Bool {
    left.rate == right.rate && left.decay == right.decay && left.epsilon == right.epsilon
      && left.schedule == right.schedule && left.warmUp == right.warmUp
      && left.gradientForm == right.gradientForm && left.clipNorm == right.clipNorm
      && left.weightDecay == right.weightDecay && left.noise == right.noise
      && left.constraint == right.constraint
  }

  /// Takes steps until the rule or the observer ends it; the best point seen is the result.
  public func minimize(
    _ objective: any ObjectiveFunction, from start: [Double], until rule: StoppingRule,
    observe: (SolverProgress, UnsafeBufferPointer<Double>) -> SolverDecision
  ) throws(GraphError) -> SolverResult {
    precondition(start.count == objective.dimension, "\(start.count) coordinates")
    var point = start
    var gradient = [Double](repeating: 0, count: start.count)
    var moments = Moments(mean: gradient, square: gradient)
    var noise = noise
    var value = try objective.evaluate(at: point, gradient: &gradient)
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
      let step = rate * factor(iteration: iteration, of: rule.iterations)
      let share = Double(iteration) / Double(max(rule.iterations, 1))
      iteration += 1
      clip(&gradient)
      move(&point, along: gradient, &moments, step: step, iteration: iteration, progress: share)
      if noise != nil { addNoise(&noise, to: &point, step: step) }
      constraint?.apply(to: &point, iteration: iteration)
      value = try objective.evaluate(at: point, gradient: &gradient)
      if value < best.value { best = (point, value) }
    }
  }

  private struct Moments {
    var mean: [Double]
    var square: [Double]
  }

  private func factor(iteration: Int, of count: Int) -> Double {
    let rise = iteration < warmUp ? Double(iteration + 1) / Double(warmUp) : 1
    return rise * schedule.factor(iteration: iteration, of: count)
  }

  private func clip(_ gradient: inout [Double]) {
    guard let clipNorm else { return }
    let norm = gradient.withUnsafeBufferPointer { dot($0, $0) }.squareRoot()
    guard norm > clipNorm else { return }
    for index in gradient.indices { gradient[index] *= clipNorm / norm }
  }

  private func move(
    _ point: inout [Double], along gradient: [Double], _ moments: inout Moments, step: Double,
    iteration: Int, progress: Double
  ) {
    let correction = (
      1 - pow(decay.first, Double(iteration)), 1 - pow(decay.second, Double(iteration))
    )
    for index in point.indices {
      let slope = gradientForm(gradient[index], progress: progress)
      let mean = decay.first * moments.mean[index] + (1 - decay.first) * slope
      let square = decay.second * moments.square[index] + (1 - decay.second) * slope * slope
      moments.mean[index] = mean
      moments.square[index] = square
      let root = (square / correction.1).squareRoot() + epsilon
      point[index] *= 1 - step * weightDecay
      point[index] -= step * (mean / correction.0) / root
    }
  }

  private func addNoise(_ noise: inout Noise?, to point: inout [Double], step: Double) {
    guard var drawn = noise else { return }
    for index in point.indices { point[index] += drawn.scale * step * drawn.source.normal() }
    noise = drawn
  }
}

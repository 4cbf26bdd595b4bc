import TensorGraph

/// A line search for the strong Wolfe conditions: sufficient decrease and a flattened slope
/// (Nocedal & Wright, Algorithms 3.5 and 3.6), with safeguarded cubic interpolation (ibid., 3.59).
///
/// Bracketing bounds, the safeguard against slow zooming and the constants are those of Schmidt's
/// minFunc, which PyTorch's `line_search_fn="strong_wolfe"` follows too, so that iterates can be
/// compared with it.
public struct StrongWolfeLineSearch: Sendable, Equatable {
  /// Sufficient decrease: f(t) <= f(0) + c1 t f'(0).
  public var c1: Double
  /// Curvature: |f'(t)| <= c2 |f'(0)|.
  public var c2: Double
  /// Evaluations at most, after the first.
  public var evaluations: Int
  /// Brackets shorter than this (times the direction's largest component) end the search.
  public var smallestBracket: Double

  /// The usual constants, but for what is given.
  public init(
    c1: Double = 1e-4, c2: Double = 0.9, evaluations: Int = 25, smallestBracket: Double = 1e-16
  ) {
    self.c1 = c1
    self.c2 = c2
    self.evaluations = evaluations
    self.smallestBracket = smallestBracket
  }

  struct Outcome {
    let step: Double
    let didDescend: Bool
  }

  /// A point on the line; `slot` names the stored gradient there.
  private struct Sample {
    let step: Double
    let value: Double
    let slope: Double
  }

  /// Moves `state` along `direction` to a step that satisfies the conditions, or to the lowest point
  /// found; the state stays where it was when none is lower.
  func search(
    _ state: LineSearchState, along direction: Vector, slope: Double, firstStep: Double
  ) throws(GraphError) -> Outcome {
    state.beginSearch(along: direction)
    let origin = Sample(step: 0, value: state.value, slope: slope)
    var remaining = evaluations
    func sample(_ step: Double) throws(GraphError) -> Sample {
      let (value, slope) = try state.evaluate(step: step)
      return Sample(step: step, value: value, slope: slope)
    }
    func decreases(_ sample: Sample) -> Bool {
      sample.value <= origin.value + c1 * sample.step * origin.slope
    }
    func isAcceptable(_ sample: Sample) -> Bool {
      decreases(sample) && abs(sample.slope) <= -c2 * origin.slope
    }

    // Bracketing: lengthen the step until a minimum along the line lies between two samples.
    var previous = origin
    var current = try sample(firstStep)
    var bracket: (Sample, Sample)?
    while remaining > 0 {
      if !current.value.isFinite {
        // Outside the domain: halve towards the last finite sample.
        current = try sample((previous.step + current.step) / 2)
        remaining -= 1
        continue
      }
      if !decreases(current) || (previous.step > 0 && current.value >= previous.value) {
        bracket = (previous, current)
        break
      }
      if isAcceptable(current) { return try accept(current, state, origin) }
      if current.slope >= 0 {
        bracket = (previous, current)
        break
      }
      let lower = current.step + 0.01 * (current.step - previous.step)
      let next = interpolate(previous, current, within: lower...(current.step * 10))
      previous = current
      current = try sample(next)
      remaining -= 1
    }
    guard let bracket else { return try accept(current, state, origin) }
    return try zoom(
      bracket, state, origin, remaining: remaining, scale: maximumNorm(direction),
      decreases: decreases, isAcceptable: isAcceptable, sample: sample)
  }

  /// Shrinks the bracket until a sample satisfies the conditions.
  private func zoom(
    _ bracket: (Sample, Sample), _ state: LineSearchState, _ origin: Sample, remaining: Int,
    scale: Double, decreases: (Sample) -> Bool, isAcceptable: (Sample) -> Bool,
    sample: (Double) throws(GraphError) -> Sample
  ) throws(GraphError) -> Outcome {
    var (low, high) = bracket.0.value <= bracket.1.value ? bracket : (bracket.1, bracket.0)
    var remaining = remaining
    var wasSlow = false
    while remaining > 0, abs(high.step - low.step) * scale > smallestBracket {
      let (left, right) = (min(low.step, high.step), max(low.step, high.step))
      var step = interpolate(low, high, within: left...right)
      // A step close to an end of the bracket twice running makes no progress: move it inside.
      let margin = 0.1 * (right - left)
      if min(right - step, step - left) < margin {
        if wasSlow || step >= right || step <= left {
          step = abs(step - right) < abs(step - left) ? right - margin : left + margin
          wasSlow = false
        } else {
          wasSlow = true
        }
      } else {
        wasSlow = false
      }
      let current = try sample(step)
      remaining -= 1
      if !current.value.isFinite || !decreases(current) || current.value >= low.value {
        high = current
        if high.value < low.value { swap(&low, &high) }
      } else {
        if isAcceptable(current) { return try accept(current, state, origin) }
        if current.slope * (high.step - low.step) >= 0 { high = low }
        low = current
      }
    }
    return try accept(low, state, origin)
  }

  private func accept(
    _ sample: Sample, _ state: LineSearchState, _ origin: Sample
  ) throws(GraphError) -> Outcome {
    guard sample.step > 0, sample.value < origin.value else {
      state.cancelSearch()
      return Outcome(step: 0, didDescend: false)
    }
    try state.accept(step: sample.step)
    return Outcome(step: sample.step, didDescend: true)
  }

  /// Minimiser of the cubic through two samples and their slopes, clamped to `bounds`; the middle
  /// when the cubic has none.
  private func interpolate(
    _ first: Sample, _ second: Sample, within bounds: ClosedRange<Double>
  ) -> Double {
    let (left, right) = first.step <= second.step ? (first, second) : (second, first)
    let middle = (bounds.lowerBound + bounds.upperBound) / 2
    guard left.step < right.step else { return middle }
    let secant =
      left.slope + right.slope - 3 * (left.value - right.value) / (left.step - right.step)
    let discriminant = secant * secant - left.slope * right.slope
    guard discriminant >= 0 else { return middle }
    let root = discriminant.squareRoot()
    let step =
      right.step - (right.step - left.step)
      * ((right.slope + root - secant) / (right.slope - left.slope + 2 * root))
    guard step.isFinite else { return middle }
    return min(max(step, bounds.lowerBound), bounds.upperBound)
  }
}

import TensorGraph

/// How a stretch of elementwise operations runs, found by looking at it: which way it goes, where it turns
/// and how steep it is.
extension ElementwiseInverse {
  /// The course of one element from low arguments to high ones.
  enum Course: Equatable {
    case rises
    case falls
    /// Falls and then rises, or the reverse, with the turn between two arguments.
    case turns(isValley: Bool, Range<Double>)

    var turns: Bool {
      if case .turns = self { true } else { false }
    }
  }

  /// Each element's course; nil when one is constant or turns twice.
  func courses() throws(GraphError) -> [Course]? {
    let places = ElementwiseInverse.probes
    let count = ends(.low).count
    let probes = try places.map { probe throws(GraphError) in
      try values(at: [Double](repeating: probe, count: count))
    }
    var courses: [Course] = []
    for index in 0..<count {
      let values = probes.map { $0[index] }
      guard let course = ElementwiseInverse.course(values, at: places) else { return nil }
      courses.append(course)
    }
    return courses
  }

  private static func course(_ values: [Double], at places: [Double]) -> Course? {
    let span = (values.max() ?? 0) - (values.min() ?? 0)
    guard span > 0 else { return nil }
    var course: Course?
    var latest = 0
    for place in 1..<values.count {
      let change = values[place] - values[place - 1]
      // A level end wavers by rounding.
      guard abs(change) > levelness * span else { continue }
      let rises = change > 0
      switch course {
      case nil: course = rises ? .rises : .falls
      case .rises:
        if !rises { course = .turns(isValley: false, places[latest - 1]..<places[place]) }
      case .falls:
        if rises { course = .turns(isValley: true, places[latest - 1]..<places[place]) }
      case .turns(let isValley, _):
        guard isValley == rises else { return nil }
      }
      latest = place
    }
    return course
  }

  /// Relative to all of its changes, the change below which a course counts as level.
  private static let levelness = 1e-13

  /// The derivative at each element's argument.
  func slopes(at arguments: [Double]) throws(GraphError) -> [Double] {
    let shape = argument.type.shape
    return try argumentCotangent(
      Tensor(shape, .f64, repeating: 1), at: Tensor(shape, .f64(arguments))
    ).doubles
  }

  /// What each value is worth as an equation for its argument: its rounding is divided by the slope.
  func weights(at arguments: [Double]) throws(GraphError) -> [Double] {
    guard needsArgument else { return [Double](repeating: 1, count: arguments.count) }
    return ElementwiseInverse.weights(ofSlopes: try slopes(at: arguments))
  }

  static func weights(ofSlopes slopes: [Double]) -> [Double] {
    let steepest = slopes.reduce(0) { max($0, abs($1)) }
    return slopes.map { slope in
      let weight = min(abs(slope) / (shallowSlope * max(steepest, .leastNormalMagnitude)), 1)
      return weight < leastWeight ? 0 : weight
    }
  }

  /// Relative to the steepest, the slope below which a value is worth less than others; what it is worth at
  /// least; and the slope of a branch that no value but a rounded level can come from.
  private static let (shallowSlope, leastWeight) = (1e-3, 1e-4)

  /// Where courses are looked at: finely around 0, where activations turn, and far out, where a bias
  /// or a normalisation may have moved that.
  private static let probes: [Double] =
    [-bound, -300, -100, -30, -10] + stride(from: -6.0, through: 6, by: 0.25) + [
      10, 30, 100, 300, bound,
    ]
}

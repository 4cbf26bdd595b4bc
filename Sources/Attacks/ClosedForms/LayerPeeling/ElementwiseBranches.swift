import TensorGraph

/// The two arguments of a value where a stretch of elementwise operations turns, as GELU and SiLU do.
extension ElementwiseInverse {
  /// Relative to the steepest, the slope below which a branch is level: only there does it have values that
  /// are next to its level, so that a value there is the level's, rounded, and no crossing of the other.
  private static let levelSlope = 1e-9

  /// Relative to the largest value, what a value may lie beyond a branch and still be its, by rounding.
  private static let overshoot = 1e-11

  /// The arguments on either side of the turn.
  func branches(for values: Tensor, _ courses: [Course]) throws(GraphError) -> Arguments {
    let targets = values.doubles
    let turns = try turningPoints(courses)
    func isRising(_ index: Int) -> Bool { courses[index] == .rises }
    func isValley(_ index: Int) -> Bool {
      if case .turns(let isValley, _) = courses[index] { isValley } else { false }
    }
    // The right branch of a valley rises, and so does all of a rising element.
    let right = try bisect(turns.map { $0 ?? -Self.bound }, ends(.high)) { index, y in
      (y < targets[index]) == (isValley(index) || isRising(index))
    }
    let left = try bisect(ends(.low), turns.map { $0 ?? Self.bound }) { index, y in
      (y > targets[index]) == (isValley(index) || courses[index] == .falls)
    }
    let (rightSlopes, leftSlopes) = (try slopes(at: right), try slopes(at: left))
    let (rightEnds, leftEnds) = (try self.values(at: ends(.high)), try self.values(at: ends(.low)))
    let steepest = rightSlopes.reduce(0) { max($0, abs($1)) }
    let tolerance = Self.overshoot * targets.reduce(0) { max($0, abs($1)) }

    var (chosen, other) = (right, left)
    var (slopes, otherSlopes) = (rightSlopes, leftSlopes)
    var isOpen = [Bool](repeating: false, count: targets.count)
    for index in targets.indices where turns[index] != nil {
      let sign = isValley(index) ? 1.0 : -1
      let isOnLeft = sign * (targets[index] - leftEnds[index]) <= tolerance
      let isOnRight = sign * (targets[index] - rightEnds[index]) <= tolerance
      let isLeftLevel = abs(leftSlopes[index]) < Self.levelSlope * steepest
      let isRightLevel = abs(rightSlopes[index]) < Self.levelSlope * steepest
      guard isOnLeft, isOnRight, isLeftLevel == isRightLevel else {
        if isOnLeft, !isOnRight || isLeftLevel {
          (chosen[index], slopes[index]) = (left[index], leftSlopes[index])
        }
        continue
      }
      isOpen[index] = !isLeftLevel
    }
    for flat in try flatParts(of: targets, turns: turns) {
      for index in targets.indices where flat.holds[index] && turns[index] != nil {
        (chosen[index], slopes[index], isOpen[index]) = (flat.arguments[index], 0, false)
      }
    }
    for index in targets.indices where !isOpen[index] {
      (other[index], otherSlopes[index]) = (chosen[index], slopes[index])
    }
    return Arguments(
      argument: Tensor(values.shape, .f64(chosen)),
      weights: Self.weights(ofSlopes: slopes),
      other: Arguments.Other(
        argument: Tensor(values.shape, .f64(other)),
        weights: Self.weights(ofSlopes: otherSlopes), isOpen: isOpen))
  }

  /// Where each element turns; nil for those that do not.
  private func turningPoints(_ courses: [Course]) throws(GraphError) -> [Double?] {
    let ranges = courses.map { course in
      if case .turns(_, let range) = course { range } else { 0.0..<0.0 }
    }
    let points = try bisect(ranges.map(\.lowerBound), ranges.map(\.upperBound)) {
      middle throws(GraphError) in
      zip(try slopes(at: middle), courses).map { slope, course in
        if case .turns(let isValley, _) = course { (slope < 0) == isValley } else { false }
      }
    }
    return zip(points, courses).map { $1.turns ? $0 : nil }
  }
}

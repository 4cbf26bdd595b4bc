import TensorGraph

extension Tensor {
  /// Says where this tensor differs from `expected` the most, or nil when it agrees everywhere:
  /// NaN with NaN, infinities exactly, numbers within `tolerance` relative to 1 + |expected|.
  public func difference(from expected: Tensor, tolerance: Double) -> String? {
    guard type == expected.type else { return "type \(type), expected \(expected.type)" }
    var worst: (index: Int, error: Double)?
    let (actual, reference) = (doubles, expected.doubles)
    for index in actual.indices {
      let error = relativeError(actual[index], reference[index])
      if error > Swift.max(tolerance, worst?.error ?? 0) { worst = (index, error) }
    }
    return worst.map { worst in
      "element \(worst.index) of \(type) is \(actual[worst.index]), expected "
        + "\(reference[worst.index]): error \(worst.error) is beyond \(tolerance)"
    }
  }
}

/// The difference relative to 1 + |expected|; infinite when one is a number and the other is not.
public func relativeError(_ actual: Double, _ expected: Double) -> Double {
  if actual == expected || (actual.isNaN && expected.isNaN) { return 0 }
  guard actual.isFinite, expected.isFinite else { return .infinity }
  return abs(actual - expected) / (1 + abs(expected))
}

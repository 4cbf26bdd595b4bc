/// Mean and spread of some numbers.
package struct SampleMoments: Sendable, Equatable {
  /// How many there are.
  package let count: Int
  /// 0 of none.
  package let mean: Double
  /// The sum of squared distances from ``mean``.
  package let squares: Double

  package init(_ values: [Double]) {
    count = values.count
    let mean = values.reduce(0, +) / Double(max(values.count, 1))
    self.mean = mean
    squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
  }

  /// The standard deviation of what they were drawn from, by one degree of freedom less; 0 of fewer than two.
  package var deviation: Double { (squares / Double(max(count - 1, 1))).squareRoot() }
}

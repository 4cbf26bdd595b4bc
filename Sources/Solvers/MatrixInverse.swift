/// The inverse of a row-major [order, order] matrix by Gauss-Jordan with row pivots; nil when a pivot is
/// at most `tolerance` times the largest element, so that the matrix is singular as far as one can tell.
package func inverted(_ matrix: [Double], order b: Int, tolerance: Double = 1e-13) -> [Double]? {
  var a = matrix
  var inverse = [Double](repeating: 0, count: b * b)
  for index in 0..<b { inverse[index * b + index] = 1 }
  let scale = matrix.reduce(0) { max($0, abs($1)) }
  for pivot in 0..<b {
    let best = (pivot..<b).max { abs(a[$0 * b + pivot]) < abs(a[$1 * b + pivot]) } ?? pivot
    guard abs(a[best * b + pivot]) > tolerance * scale else { return nil }
    for column in 0..<b where best != pivot {
      a.swapAt(best * b + column, pivot * b + column)
      inverse.swapAt(best * b + column, pivot * b + column)
    }
    let factor = 1 / a[pivot * b + pivot]
    for column in 0..<b {
      a[pivot * b + column] *= factor
      inverse[pivot * b + column] *= factor
    }
    for row in 0..<b where row != pivot {
      let factor = a[row * b + pivot]
      guard factor != 0 else { continue }
      for column in 0..<b {
        a[row * b + column] -= factor * a[pivot * b + column]
        inverse[row * b + column] -= factor * inverse[pivot * b + column]
      }
    }
  }
  return inverse
}

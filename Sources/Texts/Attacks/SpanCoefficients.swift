import TensorGraph

/// Writes vectors as combinations of given ones, by least squares.
struct SpanCoefficients {
  private let vectors: [[Double]]
  private let factor: HostBuffer
  private let algebra: any LinearAlgebra

  /// - Returns: nil when the vectors are not independent to working precision.
  init?(_ vectors: [[Double]], algebra: any LinearAlgebra) {
    self.vectors = vectors
    self.algebra = algebra
    let count = vectors.count
    guard count > 0 else { return nil }
    var gram = [Double](repeating: 0, count: count * count)
    for row in 0..<count {
      for column in row..<count {
        gram[row * count + column] = SpanCoefficients.product(vectors[row], vectors[column])
      }
    }
    factor = HostBuffer(Tensor([count, count], .f64(gram)))
    guard algebra.factorCholesky(factor) else { return nil }
    // A pivot at rounding level says that a vector depends on those before it.
    let triangle = factor.pointer(as: Double.self)
    for index in 0..<count {
      let pivot = triangle[index * count + index]
      guard pivot * pivot > 1e-11 * gram[index * count + index] else { return nil }
    }
  }

  /// The coefficients c for which Σ cᵢ vᵢ is the nearest to `target`.
  func callAsFunction(_ target: [Double]) -> [Double] {
    let products = vectors.map { SpanCoefficients.product($0, target) }
    let solution = HostBuffer(Tensor([products.count], .f64(products)))
    algebra.solveCholesky(factor, solution)
    return Array(solution.pointer(as: Double.self))
  }

  static func product(_ left: [Double], _ right: [Double]) -> Double {
    var sum = 0.0
    for index in left.indices { sum += left[index] * right[index] }
    return sum
  }
}

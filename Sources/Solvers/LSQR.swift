import TensorGraph

/// A linear map between vectors, with its transpose.
package protocol LinearOperator: AnyObject {
  var rowCount: Int { get }
  var columnCount: Int { get }

  /// result = A vector.
  func apply(_ vector: Vector, into result: MutableVector) throws(GraphError)
  /// result = Aᵀ vector.
  func applyTransposed(_ vector: Vector, into result: MutableVector) throws(GraphError)
}

extension LinearOperator {
  /// A vector.
  package func image(of vector: [Double]) throws(GraphError) -> [Double] {
    var result = [Double](repeating: 0, count: rowCount)
    try vector.withUnsafeBufferPointer { vector throws(GraphError) in
      try result.withUnsafeMutableBufferPointer { result throws(GraphError) in
        try apply(vector, into: result)
      }
    }
    return result
  }
}

/// LSQR (Paige & Saunders 1982): the least-squares solution of A x = b by Golub-Kahan
/// bidiagonalisation. Steps needed grow with the condition of A, not with its size.
package struct LSQR {
  /// Steps at most.
  var steps: Int
  /// Stops when the residual is this small relative to b.
  var tolerance: Double
  /// Stops when Aᵀr is this small relative to A and r: what is left of the residual no x can lower. It
  /// stays above 1 / (condition of A) while there is something to gain.
  var normalTolerance: Double

  package init(steps: Int = 30_000, tolerance: Double = 1e-15, normalTolerance: Double = 1e-11) {
    self.steps = steps
    self.tolerance = tolerance
    self.normalTolerance = normalTolerance
  }

  package struct Solution {
    package let x: [Double]
    package let steps: Int
    /// |A x - b| / |b| as the recurrence estimates it.
    package let relativeResidual: Double
    /// Estimate of ‖A‖ ‖A⁺‖ in the Frobenius norm, from the part of A that the steps met: no less
    /// than the ratio of the largest to the smallest singular value there.
    package let condition: Double

    /// Another solution of the same equations.
    package func replacing(x: [Double], relativeResidual: Double) -> Solution {
      Solution(x: x, steps: steps, relativeResidual: relativeResidual, condition: condition)
    }
  }

  /// - Parameter shouldStop: asked now and then; the solution is then the one so far.
  /// - Throws: ``GraphError`` when the map cannot be applied.
  package func solve(
    _ map: some LinearOperator, _ target: [Double], shouldStop: () -> Bool = { false }
  ) throws(GraphError) -> Solution {
    precondition(target.count == map.rowCount, "\(target.count) values, \(map.rowCount) rows")
    let rows = map.rowCount
    let columns = map.columnCount
    let buffers = Workspace(rows: rows, columns: columns)
    defer { buffers.deallocate() }
    let (u, v, w, x) = (buffers.u, buffers.v, buffers.w, buffers.x)
    for index in 0..<rows { u[index] = target[index] }
    let targetNorm = normalize(u)
    var alpha = 0.0
    if targetNorm > 0 {
      try map.applyTransposed(Vector(u), into: v)
      alpha = normalize(v)
    }
    guard targetNorm > 0, alpha > 0 else {
      return Solution(x: Array(x), steps: 0, relativeResidual: 0, condition: 1)
    }
    for index in 0..<columns { w[index] = v[index] }
    var (phi, rho) = (targetNorm, alpha)
    var (mapNormSquared, inverseNormSquared) = (alpha * alpha, 0.0)
    var step = 0
    var pace = Pace()
    while step < steps {
      step += 1
      if pace.isDue(), shouldStop() { break }
      try map.apply(Vector(v), into: buffers.rowScratch)
      combine(buffers.rowScratch, minus: alpha, u)
      let beta = normalize(u)
      mapNormSquared += beta * beta
      try map.applyTransposed(Vector(u), into: buffers.columnScratch)
      combine(buffers.columnScratch, minus: beta, v)
      alpha = normalize(v)

      let rotated = (rho * rho + beta * beta).squareRoot()
      let (cosine, sine) = (rho / rotated, beta / rotated)
      let theta = sine * alpha
      let advance = cosine * phi
      for index in 0..<columns {
        x[index] += advance / rotated * w[index]
        inverseNormSquared += w[index] * w[index] / (rotated * rotated)
        w[index] = v[index] - theta / rotated * w[index]
      }
      rho = -cosine * alpha
      phi = sine * phi
      mapNormSquared += alpha * alpha
      let gradientNorm = phi * alpha * abs(cosine)
      if phi <= tolerance * targetNorm || alpha == 0 || beta == 0 { break }
      if gradientNorm <= normalTolerance * mapNormSquared.squareRoot() * phi { break }
    }
    return Solution(
      x: Array(x), steps: step, relativeResidual: phi / targetNorm,
      condition: (mapNormSquared * inverseNormSquared).squareRoot())
  }

  /// Divides a vector by its Euclidean norm, which is returned; zeros stay zeros.
  private func normalize(_ vector: MutableVector) -> Double {
    let norm = dot(Vector(vector), Vector(vector)).squareRoot()
    if norm > 0 { for index in 0..<vector.count { vector[index] /= norm } }
    return norm
  }

  /// vector = image - factor * vector.
  private func combine(_ image: MutableVector, minus factor: Double, _ vector: MutableVector) {
    for index in 0..<vector.count { vector[index] = image[index] - factor * vector[index] }
  }

  private struct Workspace {
    let u: MutableVector
    let rowScratch: MutableVector
    let v: MutableVector
    let w: MutableVector
    let x: MutableVector
    let columnScratch: MutableVector

    init(rows: Int, columns: Int) {
      func zeros(_ count: Int) -> MutableVector {
        let vector = MutableVector.allocate(capacity: count)
        vector.initialize(repeating: 0)
        return vector
      }
      u = zeros(rows)
      rowScratch = zeros(rows)
      v = zeros(columns)
      w = zeros(columns)
      x = zeros(columns)
      columnScratch = zeros(columns)
    }

    func deallocate() {
      for vector in [u, rowScratch, v, w, x, columnScratch] { vector.deallocate() }
    }
  }
}

/// Linear algebra in plain loops: the oracle for libraries, and what is used where none is installed.
public struct ReferenceLinearAlgebra: LinearAlgebra {
  /// Plain loops on one thread.
  public init() {}

  /// `plain loops`.
  public var name: String { "plain loops" }
  /// 400: some seconds.
  public var largestEigenvalueOrder: Int { 400 }

  /// Replaces the upper triangle of A by R, where A = RᵀR, row by row.
  public func factorCholesky(_ matrix: HostBuffer) -> Bool {
    let order = matrix.matrixOrder
    return matrix.type.dtype == .f64
      ? factor(matrix.pointer(as: Double.self), order)
      : factor(matrix.pointer(as: Float.self), order)
  }

  /// Row-oriented (Golub & Van Loan, Matrix Computations, 4.2.9, on the upper triangle): every inner
  /// loop runs along a row.
  private func factor<Scalar: BinaryFloatingPoint & SIMDScalar>(
    _ a: UnsafeMutableBufferPointer<Scalar>, _ order: Int
  ) -> Bool {
    for pivot in 0..<order {
      let row = pivot * order
      guard a[row + pivot] > 0, a[row + pivot].isFinite else { return false }
      let scale = 1 / a[row + pivot].squareRoot()
      for column in pivot..<order { a[row + column] *= scale }
      for below in pivot + 1..<max(order, pivot + 1) {
        let factor = a[row + below]
        guard factor != 0 else { continue }
        let target = below * order
        for column in below..<order { a[target + column] -= factor * a[row + column] }
      }
    }
    return true
  }

  /// Solves RᵀR x = b by two triangular solves.
  public func solveCholesky(_ factor: HostBuffer, _ vector: HostBuffer) {
    let order = factor.matrixOrder
    precondition(
      vector.type == TensorType([order], factor.type.dtype),
      "\(vector.type) does not fit a factor \(factor.type)")
    if factor.type.dtype == .f64 {
      solve(factor.pointer(as: Double.self), vector.pointer(as: Double.self))
    } else {
      solve(factor.pointer(as: Float.self), vector.pointer(as: Float.self))
    }
  }

  private func solve<Scalar: BinaryFloatingPoint>(
    _ r: UnsafeMutableBufferPointer<Scalar>, _ x: UnsafeMutableBufferPointer<Scalar>
  ) {
    let order = x.count
    for row in 0..<order {
      x[row] /= r[row * order + row]
      for column in row + 1..<max(order, row + 1) { x[column] -= r[row * order + column] * x[row] }
    }
    for row in stride(from: order - 1, through: 0, by: -1) {
      var sum = x[row]
      for column in row + 1..<max(order, row + 1) { sum -= r[row * order + column] * x[column] }
      x[row] = sum / r[row * order + row]
    }
  }

  /// Cyclic Jacobi rotations (Golub & Van Loan, 8.5.5).
  public func symmetricEigenvalues(_ matrix: HostBuffer, vectors: Bool) -> [Double]? {
    let order = matrix.matrixOrder
    precondition(matrix.type.dtype == .f64, "eigenvalues of a matrix \(matrix.type)")
    var rotation = JacobiRotations(upperTriangle: matrix.pointer(as: Double.self), order: order)
    guard rotation.diagonalize() else { return nil }
    let ascending = (0..<order).sorted { rotation.eigenvalue($0) < rotation.eigenvalue($1) }
    if vectors {
      let target = matrix.pointer(as: Double.self)
      for (row, index) in ascending.enumerated() {
        for column in 0..<order { target[row * order + column] = rotation.vector(index, column) }
      }
    }
    return ascending.map { rotation.eigenvalue($0) }
  }

  /// One-sided Jacobi rotations (Golub & Van Loan, 8.6.3) on the shorter side.
  public func singularValueDecomposition(
    _ matrix: HostBuffer
  ) -> SingularValueDecomposition? {
    let (rows, columns) = matrix.matrixExtents
    let a = Array(matrix.pointer(as: Double.self))
    guard a.allSatisfy(\.isFinite) else { return nil }
    guard rows > columns else { return rowRotations(a, rows, columns) }
    return rowRotations(transposed(a, rows, columns), columns, rows).map {
      SingularValueDecomposition(
        left: transposed($0.right, columns, rows), values: $0.values,
        right: transposed($0.left, columns, columns))
    }
  }

  /// Rotates the rows of A [m, n], m <= n, until they are orthogonal: R A = diag(s) Vᵀ, U = Rᵀ.
  private func rowRotations(
    _ matrix: [Double], _ m: Int, _ n: Int
  ) -> SingularValueDecomposition? {
    var a = matrix
    var rotation = [Double](repeating: 0, count: m * m)
    for row in 0..<m { rotation[row * m + row] = 1 }
    func product(_ p: Int, _ q: Int) -> Double {
      (0..<n).reduce(0) { $0 + a[p * n + $1] * a[q * n + $1] }
    }
    func rotate(_ x: inout [Double], _ width: Int, _ p: Int, _ q: Int, _ c: Double, _ s: Double) {
      for index in 0..<width {
        let (first, second) = (x[p * width + index], x[q * width + index])
        x[p * width + index] = c * first - s * second
        x[q * width + index] = s * first + c * second
      }
    }
    var isOrthogonal = false
    for _ in 0..<60 where !isOrthogonal {
      isOrthogonal = true
      for p in 0..<m {
        for q in p + 1..<max(m, p + 1) {
          let (pp, qq, pq) = (product(p, p), product(q, q), product(p, q))
          guard abs(pq) > 1e-16 * (pp * qq).squareRoot(), pq != 0 else { continue }
          isOrthogonal = false
          let ratio = (qq - pp) / (2 * pq)
          let tangent = (ratio < 0 ? -1 : 1) / (abs(ratio) + (1 + ratio * ratio).squareRoot())
          let cosine = 1 / (1 + tangent * tangent).squareRoot()
          rotate(&a, n, p, q, cosine, tangent * cosine)
          rotate(&rotation, m, p, q, cosine, tangent * cosine)
        }
      }
    }
    let norms = (0..<m).map { product($0, $0).squareRoot() }
    let order = (0..<m).sorted { norms[$0] > norms[$1] }
    var right: [Double] = []
    for row in order {
      // A row that vanished has no direction.
      right += (0..<n).map { norms[row] > 0 ? a[row * n + $0] / norms[row] : 0 }
    }
    let left = (0..<m).flatMap { column in order.map { rotation[$0 * m + column] } }
    return SingularValueDecomposition(left: left, values: order.map { norms[$0] }, right: right)
  }

  private func transposed(_ a: [Double], _ rows: Int, _ columns: Int) -> [Double] {
    (0..<columns).flatMap { column in (0..<rows).map { a[$0 * columns + column] } }
  }
}

/// A symmetric matrix on its way to a diagonal one, and the product of the rotations.
private struct JacobiRotations {
  private let order: Int
  private var a: [Double]
  /// Rows are the eigenvectors.
  private var v: [Double]

  init(upperTriangle: UnsafeMutableBufferPointer<Double>, order: Int) {
    self.order = order
    a = [Double](repeating: 0, count: order * order)
    v = a
    for row in 0..<order {
      v[row * order + row] = 1
      for column in row..<order {
        a[row * order + column] = upperTriangle[row * order + column]
        a[column * order + row] = upperTriangle[row * order + column]
      }
    }
  }

  func eigenvalue(_ index: Int) -> Double { a[index * order + index] }
  func vector(_ index: Int, _ coordinate: Int) -> Double { v[index * order + coordinate] }

  /// Sweeps until nothing is left off the diagonal; false when that does not happen.
  mutating func diagonalize() -> Bool {
    guard a.allSatisfy(\.isFinite) else { return false }
    let scale = a.reduce(0) { max($0, abs($1)) }
    for _ in 0..<60 {
      var largest = 0.0
      for p in 0..<order {
        for q in p + 1..<max(order, p + 1) {
          largest = max(largest, abs(a[p * order + q]))
          rotate(p, q)
        }
      }
      if largest <= 1e-17 * scale { return true }
    }
    return false
  }

  private mutating func rotate(_ p: Int, _ q: Int) {
    let offDiagonal = a[p * order + q]
    guard offDiagonal != 0 else { return }
    let ratio = (a[q * order + q] - a[p * order + p]) / (2 * offDiagonal)
    let tangent = (ratio < 0 ? -1 : 1) / (abs(ratio) + (1 + ratio * ratio).squareRoot())
    let cosine = 1 / (1 + tangent * tangent).squareRoot()
    let sine = tangent * cosine
    for index in 0..<order {
      let (left, right) = (a[index * order + p], a[index * order + q])
      a[index * order + p] = cosine * left - sine * right
      a[index * order + q] = sine * left + cosine * right
    }
    for index in 0..<order {
      let (upper, lower) = (a[p * order + index], a[q * order + index])
      a[p * order + index] = cosine * upper - sine * lower
      a[q * order + index] = sine * upper + cosine * lower
      let (first, second) = (v[p * order + index], v[q * order + index])
      v[p * order + index] = cosine * first - sine * second
      v[q * order + index] = sine * first + cosine * second
    }
  }
}

/// Dense linear algebra, for second-order methods and closed forms: what a graph cannot express.
///
/// A symmetric matrix is a buffer of type [n, n], f32 or f64, row major. Only its upper triangle
/// (row <= column) is read.
public protocol LinearAlgebra: Sendable {
  /// Name shown to users, such as "LAPACK".
  var name: String { get }

  /// Largest order whose eigenvalues are found in reasonable time; the work grows with its cube.
  var largestEigenvalueOrder: Int { get }

  /// Replaces the upper triangle of a symmetric matrix A by R, where A = RᵀR (Cholesky); the part
  /// below the diagonal is left as it is.
  ///
  /// - Returns: false when A is not positive definite to working precision; the triangle is then
  ///   spoilt.
  func factorCholesky(_ matrix: HostBuffer) -> Bool

  /// Replaces `vector` [n] by the solution x of RᵀR x = vector, for a matrix that
  /// ``factorCholesky(_:)`` has factored, of the same element type.
  func solveCholesky(_ factor: HostBuffer, _ vector: HostBuffer)

  /// The eigenvalues of a symmetric f64 matrix, ascending. The matrix is spoilt; with `vectors` it
  /// then holds the eigenvectors as rows, in the same order.
  ///
  /// - Returns: nil when the iteration did not converge (NaN in the matrix, for instance).
  func symmetricEigenvalues(_ matrix: HostBuffer, vectors: Bool) -> [Double]?

  /// The thin singular value decomposition of an f64 matrix [m, n]. The matrix is spoilt.
  ///
  /// - Returns: nil when the iteration did not converge (NaN in the matrix, for instance).
  func singularValueDecomposition(_ matrix: HostBuffer) -> SingularValueDecomposition?
}

/// A = U diag(s) Vᵀ for a matrix A [m, n], with k = min(m, n).
public struct SingularValueDecomposition: Sendable {
  /// U, row major [m, k]; its columns are orthonormal.
  public let left: [Double]
  /// Descending, k of them.
  public let values: [Double]
  /// Vᵀ, row major [k, n]; its rows are orthonormal.
  public let right: [Double]

  /// A decomposition of the factors' row-major elements.
  public init(left: [Double], values: [Double], right: [Double]) {
    self.left = left
    self.values = values
    self.right = right
  }
}

extension LinearAlgebra {
  /// The solution of a positive definite system; nil where it is not that to working precision.
  ///
  /// - Parameter matrix: row major, of the order of `right`; its upper triangle is read.
  package func solvePositiveDefinite(_ matrix: [Double], _ right: [Double]) -> [Double]? {
    let factor = HostBuffer(Tensor([right.count, right.count], .f64(matrix)))
    guard factorCholesky(factor) else { return nil }
    let vector = HostBuffer(Tensor([right.count], .f64(right)))
    solveCholesky(factor, vector)
    return vector.read().doubles
  }
}

extension Backend {
  /// Plain loops, for a backend without a library of its own.
  public var linearAlgebra: any LinearAlgebra { ReferenceLinearAlgebra() }
}

extension HostBuffer {
  /// The order n of this [n, n] matrix of floating-point numbers; traps on any other type.
  package var matrixOrder: Int {
    precondition(
      type.shape.rank == 2 && type.shape[0] == type.shape[1] && type.dtype.isFloatingPoint,
      "\(type) is no square matrix of floating-point numbers")
    return type.shape[0]
  }

  /// Rows and columns of this [m, n] matrix of f64 numbers; traps on any other type.
  package var matrixExtents: (rows: Int, columns: Int) {
    precondition(
      type.shape.rank == 2 && type.dtype == .f64, "\(type) is no matrix of f64 numbers")
    return (type.shape[0], type.shape[1])
  }
}

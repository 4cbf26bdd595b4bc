import Solvers
import TensorGraph

/// The least-squares solution of a block of ``MapEquations``, with what it leaves open.
struct MapSolution {
  /// Row major [positions, channels]; without a part along `openDirections`.
  let values: [Double]
  /// Standard deviation of each position's values for errors of 1 in the equations, along what is
  /// determined.
  let deviations: [Double]
  /// Orthonormal directions over the positions that the equations do not determine, row major.
  let openDirections: [Double]
  let openCount: Int
  /// Of the part that is determined.
  let condition: Double
  /// |B A - G| / |G|.
  let relativeResidual: Double
  /// G - B A, weighted, row major [rows, channels].
  let residual: [Double]
  /// Orthonormal columns that span those of the weighted B, row major [rows, kept directions]; empty where
  /// equations are exact.
  let rowSpace: [Double]

  /// Relative singular value below which equations are helpless without others, and below which, where some
  /// are helpless, others had better decide as well: of exact equations, and of those with errors of f32.
  private static let exact = (openness: 1e-6, weakness: 1e-4)
  private static let noisy = (openness: 1e-5, weakness: 3e-3)

  /// - Parameters:
  ///   - weights: one for each row; nil for ones.
  ///   - isNoisy: whether the equations have more than rounding errors of f64.
  /// - Returns: nil when the equations are not finite.
  /// - Throws: ``GraphError`` when the backend cannot multiply matrices of their size.
  init?(
    _ block: MapEquations.Block, weights: [Double]? = nil, isNoisy: Bool = false,
    positionCount: Int,
    backend: any Backend
  ) throws(GraphError) {
    let (rows, columns) = (block.rowCount, block.channels.count)
    func scaled(_ elements: [Double], by width: Int) -> Tensor {
      guard let weights else { return Tensor([rows, width], .f64(elements)) }
      return Tensor(
        [rows, width], .f64(elements.indices.map { elements[$0] * weights[$0 / width] }))
    }
    let b = scaled(block.matrix, by: positionCount)
    let g = scaled(block.rightHandSide, by: columns)
    let normal = HostBuffer(try backend.product(b, b, transposeA: true))
    guard let squares = backend.linearAlgebra.symmetricEigenvalues(normal, vectors: true),
      let largest = squares.last, largest > 0
    else { return nil }
    let vectors = normal.read().doubles
    let (openness, weakness) = isNoisy ? MapSolution.noisy : MapSolution.exact
    let isHelpless = squares[0] < openness * openness * largest
    let edge = isHelpless ? weakness * weakness * largest : 0
    openCount = squares.prefix { $0 < edge }.count
    let kept = positionCount - openCount
    guard kept > 0 else { return nil }
    openDirections = Array(vectors[..<(openCount * positionCount)])
    condition = (largest / max(squares[openCount], .leastNormalMagnitude)).squareRoot()

    let v = Tensor([kept, positionCount], .f64(Array(vectors[(openCount * positionCount)...])))
    var weighted = v.doubles
    var deviations = [Double](repeating: 0, count: positionCount)
    for row in 0..<kept {
      let square = squares[openCount + row]
      for position in 0..<positionCount {
        let element = weighted[row * positionCount + position]
        deviations[position] += element * element / square
        weighted[row * positionCount + position] = element / square
      }
    }
    self.deviations = deviations.map { $0.squareRoot() }
    // Bᵀ B squares the condition; refinement takes back what that costs.
    let inverse = Tensor([kept, positionCount], .f64(weighted))
    var values = [Double](repeating: 0, count: positionCount * columns)
    var residual = g
    for _ in 0..<MapSolution.refinements {
      let back = try backend.product(b, residual, transposeA: true)
      let coordinates = try backend.product(inverse, back)
      let step = try backend.product(v, coordinates, transposeA: true).doubles
      for index in values.indices { values[index] += step[index] }
      let image = try backend.product(b, Tensor([positionCount, columns], .f64(values))).doubles
      residual = Tensor(g.shape, .f64(zip(g.doubles, image).map { $0 - $1 }))
    }
    self.values = values
    self.residual = residual.doubles
    if isNoisy {
      var columns = try backend.product(b, v, transposeB: true).doubles
      for index in columns.indices {
        columns[index] /= squares[openCount + index % kept].squareRoot()
      }
      rowSpace = columns
    } else {
      rowSpace = []
    }
    func norm(_ elements: [Double]) -> Double { elements.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    relativeResidual = norm(self.residual) / max(norm(g.doubles), .leastNormalMagnitude)
  }

  private static let refinements = 3
}

extension Backend {
  /// The product of two f64 matrices.
  func product(
    _ left: Tensor, _ right: Tensor, transposeA: Bool = false, transposeB: Bool = false
  ) throws(GraphError) -> Tensor {
    let builder = GraphBuilder()
    let a = builder.input("left", left.shape, .f64)
    let b = builder.input("right", right.shape, .f64)
    let product = a.matmul(b, transposeA: transposeA, transposeB: transposeB)
    return try evaluate(builder.build(outputs: [product]), [left, right])[0]
  }
}

import Solvers
import TensorGraph

/// The space of the patches of some maps, of `patch` x `patch` elements of each channel, at all places where
/// they overlap the maps.
struct PatchSpace {
  /// Orthonormal rows, row major [patches of all maps, patch² x rank]; places of a patch come before channels.
  let basis: [Double]
  /// Where patches begin.
  let places: [(y: Int, x: Int)]
  /// Of the map.
  let rank: Int
  let patch: Int
  let height: Int
  let width: Int

  /// Where patches that overlap the support begin.
  static func places(
    height: Int, width: Int, patch: Int, support: [Bool]
  ) -> [(y: Int, x: Int)] {
    func isIn(_ y: Int, _ x: Int) -> Bool {
      (0..<height).contains(y) && (0..<width).contains(x) && support[y * width + x]
    }
    var places: [(y: Int, x: Int)] = []
    for y in (1 - patch)..<height {
      for x in (1 - patch)..<width
      where (0..<patch * patch).contains(where: { isIn(y + $0 / patch, x + $0 % patch) }) {
        places.append((y, x))
      }
    }
    return places
  }

  /// Orthonormal maps [rank, height, width] all of whose patches lie in the space: what they span, the maps
  /// that the space was made of do.
  ///
  /// - Parameter count: how many maps there are.
  /// - Returns: with the largest eigenvalue of the system that belongs to them and the next, which say how
  ///   singular it is; nil when the system is not finite.
  /// - Throws: ``GraphError`` when the backend fails.
  func maps(
    _ count: Int, _ backend: any Backend
  ) throws(GraphError) -> (maps: [[Double]], eigenvalues: (smallest: Double, next: Double))? {
    let taps = patch * patch
    let size = taps * rank
    // What of a patch lies outside of the space.
    let v = Tensor([basis.count / size, size], .f64(basis))
    var outside = try backend.product(v, v, transposeA: true).doubles.map { -$0 }
    for index in 0..<size { outside[index * size + index] += 1 }
    let order = height * width * rank
    let matrix = HostBuffer(TensorType([order, order], .f64))
    let target = matrix.pointer(as: Double.self)
    let offsets = (0..<taps).map { (y: $0 / patch, x: $0 % patch) }
    for (y, x) in places {
      for (first, a) in offsets.enumerated() {
        guard (0..<height).contains(y + a.y), (0..<width).contains(x + a.x) else { continue }
        let row = ((y + a.y) * width + x + a.x) * rank
        for (second, b) in offsets.enumerated() {
          guard (0..<height).contains(y + b.y), (0..<width).contains(x + b.x) else { continue }
          let column = ((y + b.y) * width + x + b.x) * rank
          for i in 0..<rank {
            let from = (first * rank + i) * size + second * rank
            let to = (row + i) * order + column
            for j in 0..<rank { target[to + j] += outside[from + j] }
          }
        }
      }
    }
    let stored = matrix.read()
    for index in 0..<order { target[index * order + index] += Self.shift }
    guard backend.linearAlgebra.factorCholesky(matrix) else { return nil }
    var source = RandomSource(seed: 0xb11e)
    var vectors = (0...count).map { _ in (0..<order).map { _ in source.normal() } }
    let scratch = HostBuffer(TensorType([order], .f64))
    for _ in 0..<Self.inverseIterations {
      for index in vectors.indices {
        vectors[index].withUnsafeBufferPointer { scratch.store($0) }
        backend.linearAlgebra.solveCholesky(matrix, scratch)
        vectors[index].withUnsafeMutableBufferPointer { scratch.load(into: $0) }
      }
      for index in vectors.indices {
        for other in 0..<index {
          let overlap = dot(vectors[other], vectors[index])
          vectors[index] = zip(vectors[index], vectors[other]).map { $0 - overlap * $1 }
        }
        vectors[index] = Self.normalized(vectors[index])
      }
    }
    let columns = Tensor([count + 1, order], .f64(vectors.flatMap { $0 }))
    let images = try backend.product(columns, stored).doubles
    let quotients = (0...count).map { index in
      dot(vectors[index], Array(images[index * order..<(index + 1) * order]))
    }
    // Positions came first.
    let positions = height * width
    let maps = vectors[..<count].map { vector in
      (0..<order).map { vector[$0 % positions * rank + $0 / positions] }
    }
    return (maps, (max(quotients[..<count].reduce(0, max), 0), quotients[count]))
  }

  private static let shift = 1e-13
  private static let inverseIterations = 10

  private static func normalized(_ vector: [Double]) -> [Double] {
    let scale = 1 / max(dot(vector, vector).squareRoot(), .leastNormalMagnitude)
    return vector.map { $0 * scale }
  }
}

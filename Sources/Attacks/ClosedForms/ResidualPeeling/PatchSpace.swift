import Solvers
import TensorGraph

/// The space of a map's patches, of `patch` x `patch` elements of each channel, at all places where they
/// overlap the map.
struct PatchSpace {
  /// Orthonormal rows, row major [patches, patch² x rank]; places of a patch come before channels.
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

  /// The map [rank, height, width] all of whose patches lie in a space; the smallest two eigenvalues of the
  /// system say how singular it is.
  ///
  /// - Returns: nil when the system is not finite.
  /// - Throws: ``GraphError`` when the backend fails.
  func map(
    _ backend: any Backend
  ) throws(GraphError) -> (map: [Double], eigenvalues: (smallest: Double, next: Double))? {
    let taps = patch * patch
    let size = taps * rank
    // What of a patch lies outside of the space.
    let v = Tensor([places.count, size], .f64(basis))
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
    var vectors = (0..<2).map { _ in (0..<order).map { _ in source.normal() } }
    let scratch = HostBuffer(TensorType([order], .f64))
    for _ in 0..<Self.inverseIterations {
      for index in vectors.indices {
        vectors[index].withUnsafeBufferPointer { scratch.store($0) }
        backend.linearAlgebra.solveCholesky(matrix, scratch)
        vectors[index].withUnsafeMutableBufferPointer { scratch.load(into: $0) }
      }
      vectors[0] = Self.normalized(vectors[0])
      let overlap = dot(vectors[0], vectors[1])
      vectors[1] = Self.normalized(zip(vectors[1], vectors[0]).map { $0 - overlap * $1 })
    }
    let columns = Tensor([2, order], .f64(vectors[0] + vectors[1]))
    let images = try backend.product(columns, stored).doubles
    let quotients = (0..<2).map { index in
      dot(vectors[index], Array(images[index * order..<(index + 1) * order]))
    }
    // Positions came first.
    var map = [Double](repeating: 0, count: order)
    let positions = height * width
    for position in 0..<positions {
      for channel in 0..<rank {
        map[channel * positions + position] = vectors[0][position * rank + channel]
      }
    }
    return (map, (max(quotients[0], 0), quotients[1]))
  }

  private static let shift = 1e-13
  private static let inverseIterations = 10

  private static func normalized(_ vector: [Double]) -> [Double] {
    let scale = 1 / max(dot(vector, vector).squareRoot(), .leastNormalMagnitude)
    return vector.map { $0 * scale }
  }
}

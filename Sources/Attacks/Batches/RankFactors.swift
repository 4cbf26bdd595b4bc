import Clients
import Solvers
import TensorGraph

/// The gradient of a weight, G = L R with R's rows orthonormal, of the rank that a batch gives it.
///
/// That is the number of images, or less where the layer reads the same of several, as when an image
/// stands in the batch twice.
struct RankFactors {
  /// Rows of G.
  let rows: Int
  /// Columns of G.
  let columns: Int
  let rank: Int
  /// Orthonormal columns, row major [rows, rank].
  let left: [Double]
  /// Singular values, descending.
  let values: [Double]
  /// Orthonormal rows, row major [rank, columns].
  let right: [Double]
  /// The singular value that follows, or else that of rounding, relative to the first.
  let noise: Double

  /// - Parameters:
  ///   - rank: the number of images.
  ///   - allowsLess: whether a lower rank will do, if the gradient has clearly one.
  ///   - isSingle: whether the gradient's numbers have the digits of f32, whatever their type.
  ///   - attack: for messages.
  /// - Throws: ``AttackError`` when the gradient has not that rank.
  init(
    _ gradient: Tensor, rank: Int, allowsLess: Bool = false, isSingle: Bool, attack: String,
    algebra: any LinearAlgebra
  ) throws(AttackError) {
    let (rows, columns) = (gradient.shape[0], gradient.shape[1])
    let count = min(rows, columns)
    guard rank < count else {
      throw AttackError(
        "\(attack) needs a weight with more rows and columns than there are examples; this one of "
          + "\(rows) x \(columns) saw \(rank); use the attack auto")
    }
    guard
      let decomposition = algebra.singularValueDecomposition(
        HostBuffer(gradient.converted(to: .f64)))
    else {
      throw AttackError("\(attack) needs a finite gradient, and this one is not")
    }
    let values = decomposition.values
    let rounding = isSingle ? 1e-7 : 1e-15
    let wanted = rank
    func noise(beyond rank: Int) -> Double { max(values[rank] / values[0], rounding) }
    func isClear(_ rank: Int) -> Bool { values[rank - 1] > 4 * noise(beyond: rank) * values[0] }
    let lower = (1..<wanted).last { isClear($0) && values[$0] <= 64 * rounding * values[0] }
    guard let rank = isClear(wanted) ? wanted : allowsLess ? lower : nil else {
      let found = values.count { $0 > 4 * noise(beyond: wanted) * values[0] }
      throw AttackError(
        "\(attack) needs the true batch size, and a gradient that tells the examples apart: the rank "
          + "is \(found), not \(wanted); use the attack auto")
    }
    self.noise = noise(beyond: rank)
    self.rows = rows
    self.columns = columns
    self.rank = rank
    self.values = Array(values[0..<rank])
    left = (0..<rows).flatMap { decomposition.left[$0 * count..<$0 * count + rank] }
    right = Array(decomposition.right[0..<rank * columns])
  }

  /// L S, row major [rows, rank]: G in coordinates of its row space.
  var scaledLeft: [Double] { left.indices.map { left[$0] * values[$0 % rank] } }

  /// The part of a vector of `columns` elements that lies in the row space, in its coordinates.
  func coordinates(of vector: [Double]) -> [Double] {
    vector.withUnsafeBufferPointer { vector in
      right.withUnsafeBufferPointer { right in
        (0..<rank).map {
          dot(vector, Vector(rebasing: right[$0 * columns..<($0 + 1) * columns]))
        }
      }
    }
  }

  /// The vector with these coordinates.
  func vector(_ coordinates: [Double]) -> [Double] {
    var result = [Double](repeating: 0, count: columns)
    result.withUnsafeMutableBufferPointer { result in
      right.withUnsafeBufferPointer { right in
        for (index, coordinate) in coordinates.enumerated() {
          addScaled(
            coordinate, Vector(rebasing: right[index * columns..<(index + 1) * columns]), to: result
          )
        }
      }
    }
    return result
  }
}

import Solvers
import TensorGraph

/// A linear system for an image, with equations beneath it that ask for equal neighbours, weighing
/// little: where the system leaves the image open, its smoothest completion is found.
///
/// It is Tikhonov regularisation with first differences (Tikhonov 1963), which photographs satisfy
/// far better than the smallest norm.
final class SmoothCompletion: LinearOperator {
  private let system: any LinearOperator
  private let weight: Double
  private let channels: Int
  private let height: Int
  private let width: Int

  /// - Parameters:
  ///   - imageShape: [1, C, H, W].
  ///   - weight: of the differences, beside the system's own rows.
  init(_ system: any LinearOperator, imageShape: Shape, weight: Double) {
    precondition(
      imageShape.rank == 4 && imageShape.elementCount == system.columnCount,
      "\(imageShape) is no image of \(system.columnCount) unknowns")
    self.system = system
    self.weight = weight
    channels = imageShape[1]
    height = imageShape[2]
    width = imageShape[3]
  }

  private var differenceCount: Int {
    channels * (height * max(width - 1, 0) + max(height - 1, 0) * width)
  }

  var rowCount: Int { system.rowCount + differenceCount }
  var columnCount: Int { system.columnCount }

  /// The right-hand side: the system's own, and differences of 0.
  func target(_ own: [Double]) -> [Double] {
    own + [Double](repeating: 0, count: differenceCount)
  }

  func apply(_ vector: Vector, into result: MutableVector) throws(GraphError) {
    try system.apply(vector, into: MutableVector(rebasing: result[..<system.rowCount]))
    forEachDifference { row, first, second in
      result[row] = weight * (vector[second] - vector[first])
    }
  }

  func applyTransposed(_ vector: Vector, into result: MutableVector) throws(GraphError) {
    try system.applyTransposed(Vector(rebasing: vector[..<system.rowCount]), into: result)
    forEachDifference { row, first, second in
      result[second] += weight * vector[row]
      result[first] -= weight * vector[row]
    }
  }

  private func forEachDifference(_ body: (_ row: Int, _ first: Int, _ second: Int) -> Void) {
    var row = system.rowCount
    for channel in 0..<channels {
      for y in 0..<height {
        for x in 0..<width {
          let pixel = (channel * height + y) * width + x
          if x + 1 < width {
            body(row, pixel, pixel + 1)
            row += 1
          }
          if y + 1 < height {
            body(row, pixel, pixel + width)
            row += 1
          }
        }
      }
    }
  }
}

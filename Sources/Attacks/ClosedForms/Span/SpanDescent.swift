import Clients
import Solvers
import TensorGraph

/// Moves one example until the features that hidden layers read of it lie in the spans of their gradients.
///
/// Residuals are what of each layer's features lies outside of its span, relative to their length: without that an example whose
/// units are all off would do. Levenberg-Marquardt, scaled by the diagonal (Marquardt 1963).
struct SpanDescent {
  let function: FeatureFunction
  let spans: [LayerSpan]
  /// Directions that coordinates are of, examples each.
  let directions: [[Double]]
  let algebra: any LinearAlgebra

  /// Where a descent ended.
  struct End {
    var example: [Double]
    /// Squared length of the residuals.
    var distance: Double
  }

  private static let iterations = 60
  private static let attempts = 8
  /// Distances at which nothing is left but rounding.
  private static let rounding = 1e-26
  /// Where an iteration takes away less than this share of the distance, the descent is at its end.
  private static let leastGain = 1e-3

  private struct Point {
    var example: [Double]
    /// Of all layers.
    var residuals: [Double] = []
    /// For each coordinate.
    var slopes: [[Double]] = []
    var distance: Double { residuals.reduce(0) { $0 + $1 * $1 } }
  }

  /// - Parameter free: the coordinates that are sought, of ``directions``; nil for all.
  /// - Throws: ``AttackError`` when the backend fails.
  func run(from start: [Double], free: [Int]? = nil) throws(AttackError) -> End {
    let free = free ?? Array(directions.indices)
    var point = try self.point(start)
    var distance = point.distance
    var damping = 1e-2
    for _ in 0..<Self.iterations where distance > Self.rounding && distance.isFinite {
      let normal = normalMatrix(point, free)
      var found: Point?
      for _ in 0..<Self.attempts {
        if let step = step(normal, point, free, damping: damping) {
          let next = try self.point(moved(point.example, by: step, free))
          if next.distance < distance {
            found = next
            break
          }
        }
        damping *= 4
      }
      guard let found else { break }
      let gain = 1 - found.distance / distance
      (point, distance) = (found, found.distance)
      damping = max(damping / 5, 1e-12)
      if gain < Self.leastGain { break }
    }
    return End(example: point.example, distance: distance)
  }

  /// The distance of an example as it is.
  func distance(of example: [Double]) throws(AttackError) -> Double {
    try point(example).distance
  }

  private func point(_ example: [Double]) throws(AttackError) -> Point {
    let (features, slopes) = try function.run(example)
    var point = Point(example: example)
    point.slopes = [[Double]](repeating: [], count: directions.count)
    for (layer, span) in spans.enumerated() {
      let values = features[layer]
      let norm = max(values.reduce(0) { $0 + $1 * $1 }.squareRoot(), .leastNormalMagnitude)
      let residual = span.remainder(values).map { $0 / norm }
      point.residuals += residual
      for index in directions.indices {
        let slope = slopes[layer][index]
        let along = zip(values, slope).reduce(0) { $0 + $1.0 * $1.1 } / (norm * norm)
        point.slopes[index] += zip(span.remainder(slope), residual).map {
          $0 / norm - along * $1
        }
      }
    }
    return point
  }

  /// JᵀJ, row major.
  private func normalMatrix(_ point: Point, _ free: [Int]) -> [Double] {
    let count = free.count
    var matrix = [Double](repeating: 0, count: count * count)
    for row in 0..<count {
      point.slopes[free[row]].withUnsafeBufferPointer { left in
        for column in row..<count {
          let product = point.slopes[free[column]].withUnsafeBufferPointer { dot(left, $0) }
          matrix[row * count + column] = product
          matrix[column * count + row] = product
        }
      }
    }
    return matrix
  }

  private func step(
    _ normal: [Double], _ point: Point, _ free: [Int], damping: Double
  ) -> [Double]? {
    let count = free.count
    var damped = normal
    let floor = 1e-12 * ((0..<count).map { normal[$0 * (count + 1)] }.max() ?? 0) + 1e-300
    for index in 0..<count {
      damped[index * (count + 1)] += damping * (normal[index * (count + 1)] + floor)
    }
    let slope = free.map {
      -zip(point.slopes[$0], point.residuals).reduce(0) { $0 + $1.0 * $1.1 }
    }
    return algebra.solvePositiveDefinite(damped, slope)
  }

  private func moved(_ example: [Double], by step: [Double], _ free: [Int]) -> [Double] {
    var example = example
    for (length, direction) in zip(step, free.map { directions[$0] }) {
      for index in example.indices { example[index] += length * direction[index] }
    }
    return example
  }
}

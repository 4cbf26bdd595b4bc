/// The last steps s and gradient changes y of L-BFGS, in a ring; it stands for an approximation of
/// the inverse Hessian.
final class CurvaturePairs {
  private let capacity: Int
  private let dimension: Int
  private let steps: MutableVector
  private let changes: MutableVector
  private var inverseCurvatures: [Double]
  private var coefficients: [Double]
  private var first = 0
  private var count = 0
  /// Scale of the initial inverse Hessian, sᵀy / yᵀy of the newest pair (Nocedal & Wright, 7.20).
  private var scale = 1.0

  init(capacity: Int, dimension: Int) {
    self.capacity = capacity
    self.dimension = dimension
    steps = .allocate(capacity: max(capacity * dimension, 1))
    changes = .allocate(capacity: max(capacity * dimension, 1))
    steps.initialize(repeating: 0)
    changes.initialize(repeating: 0)
    inverseCurvatures = [Double](repeating: 0, count: capacity)
    coefficients = [Double](repeating: 0, count: capacity)
  }

  func deallocate() {
    steps.deallocate()
    changes.deallocate()
  }

  var isEmpty: Bool { count == 0 }

  func removeAll() {
    count = 0
    scale = 1
  }

  /// Adds the pair of an accepted step; a pair without positive curvature is left out.
  func append(step: Double, direction: Vector, gradient: Vector, previousGradient: Vector) {
    let slot = (first + count) % capacity
    let s = row(slot, of: steps)
    let y = row(slot, of: changes)
    for index in 0..<dimension {
      s[index] = step * direction[index]
      y[index] = gradient[index] - previousGradient[index]
    }
    let curvature = dot(Vector(s), Vector(y))
    let changeSquared = dot(Vector(y), Vector(y))
    // Relative to the pair's own size: near the solution of a matching problem both are tiny.
    let threshold = 1e-15 * (dot(Vector(s), Vector(s)) * changeSquared).squareRoot()
    guard curvature > threshold, curvature > .leastNormalMagnitude else { return }
    inverseCurvatures[slot] = 1 / curvature
    scale = curvature / changeSquared
    if count == capacity {
      first = (first + 1) % capacity
    } else {
      count += 1
    }
  }

  /// Writes -H * gradient to `direction` by the two-loop recursion (Nocedal & Wright, Algorithm 7.4).
  func quasiNewtonDirection(for gradient: Vector, into direction: MutableVector) {
    for index in 0..<dimension { direction[index] = -gradient[index] }
    for age in stride(from: count - 1, through: 0, by: -1) {
      let slot = (first + age) % capacity
      let coefficient =
        inverseCurvatures[slot] * dot(Vector(row(slot, of: steps)), Vector(direction))
      coefficients[slot] = coefficient
      addScaled(-coefficient, Vector(row(slot, of: changes)), to: direction)
    }
    for index in 0..<dimension { direction[index] *= scale }
    for age in 0..<count {
      let slot = (first + age) % capacity
      let correction =
        inverseCurvatures[slot] * dot(Vector(row(slot, of: changes)), Vector(direction))
      addScaled(coefficients[slot] - correction, Vector(row(slot, of: steps)), to: direction)
    }
  }

  private func row(_ slot: Int, of matrix: MutableVector) -> MutableVector {
    MutableVector(rebasing: matrix[slot * dimension..<(slot + 1) * dimension])
  }
}

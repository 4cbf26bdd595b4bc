import TensorGraph

/// A sum of squares |r(x)|² to minimise, which also offers products with JᵀJ, J being the Jacobian of
/// r: what second-order methods need. The gradient is 2 Jᵀr.
package protocol LeastSquaresFunction: ObjectiveFunction {
  /// result = JᵀJ direction, at `point`, in f64. All have ``ObjectiveFunction/dimension`` elements.
  func multiplyNormalMatrix(
    at point: UnsafeBufferPointer<Double>, by direction: UnsafeBufferPointer<Double>,
    into result: UnsafeMutableBufferPointer<Double>
  ) throws(GraphError)

  /// Fills `matrix` [n, n], f32 or f64, with JᵀJ at `point`; both triangles.
  ///
  /// - Returns: false when `shouldStop` asked to stop.
  func assembleNormalMatrix(
    at point: UnsafeBufferPointer<Double>, into matrix: HostBuffer, shouldStop: () -> Bool
  ) throws(GraphError) -> Bool
}

/// What a second-order solver did, beyond evaluations of the objective.
public struct SecondOrderCounts: Sendable, Codable, Equatable {
  /// Linear systems solved: accepted and refused steps.
  public var steps = 0
  /// Products with JᵀJ, not counting those that filled a matrix.
  public var products = 0
  /// Matrices filled.
  public var assemblies = 0
  /// Cholesky factorisations.
  public var factorizations = 0

  /// Nothing counted yet.
  public init() {}

  /// The work of both.
  package static func + (left: SecondOrderCounts, right: SecondOrderCounts) -> SecondOrderCounts {
    var sum = left
    sum.steps += right.steps
    sum.products += right.products
    sum.assemblies += right.assemblies
    sum.factorizations += right.factorizations
    return sum
  }
}

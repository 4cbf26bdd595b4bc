import Solvers
import TensorGraph

/// The matching loss as a sum of squares: the residuals are the candidate's gradient minus the shared
/// one. Values and products in f64; matrices in the precision asked for.
///
/// A point is the dummy images, followed by the label probabilities, as free numbers, where they are
/// sought too: the gradient is linear in them, so that they need no softmax.
final class MatchingResiduals: LeastSquaresFunction {
  let matching: MatchingFunction
  private let problem: AttackProblem
  private let labels: [Int]?
  private let prior: PixelPrior?
  private let single: GaussNewtonProducts
  private var singlePrecision: GaussNewtonProducts?

  var dimension: Int { matching.dimension }
  var imageCount: Int { matching.imageCount }

  /// - Parameter labels: class indices of the batch, or nil when they are sought.
  /// - Throws: ``GraphError`` when the backend cannot run the objective.
  init(_ problem: AttackProblem, labels: [Int]?) throws(GraphError) {
    self.problem = problem
    self.labels = labels
    prior = problem.prior
    matching = try MatchingFunction(
      problem, labels: labels, soughtForm: .probabilities, precision: .f64)
    single = try GaussNewtonProducts(problem, labels: labels, dtype: .f64)
  }

  func evaluate(
    at point: UnsafeBufferPointer<Double>, gradient: UnsafeMutableBufferPointer<Double>
  ) throws(GraphError) -> Double {
    try matching.evaluate(at: point, gradient: gradient)
  }

  func multiplyNormalMatrix(
    at point: UnsafeBufferPointer<Double>, by direction: UnsafeBufferPointer<Double>,
    into result: UnsafeMutableBufferPointer<Double>
  ) throws(GraphError) {
    single.move(to: point)
    try single.multiply(direction, into: result)
    prior?.addProduct(direction, to: result)
  }

  func assembleNormalMatrix(
    at point: UnsafeBufferPointer<Double>, into matrix: HostBuffer, shouldStop: () -> Bool
  ) throws(GraphError) -> Bool {
    guard matrix.type.dtype == .f32 else {
      single.move(to: point)
      return try assemble(single, into: matrix, shouldStop: shouldStop)
    }
    let products: GaussNewtonProducts
    if let singlePrecision {
      products = singlePrecision
    } else {
      products = try makeSinglePrecision()
    }
    singlePrecision = products
    products.move(to: point)
    return try assemble(products, into: matrix, shouldStop: shouldStop)
  }

  private func assemble(
    _ products: GaussNewtonProducts, into matrix: HostBuffer, shouldStop: () -> Bool
  ) throws(GraphError) -> Bool {
    guard try products.assemble(into: matrix, shouldStop: shouldStop) else { return false }
    prior?.addMatrix(to: matrix)
    return true
  }

  private func makeSinglePrecision() throws(GraphError) -> GaussNewtonProducts {
    try GaussNewtonProducts(problem, labels: labels, dtype: .f32)
  }
}

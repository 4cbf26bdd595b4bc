import Solvers
import TensorGraph

/// Finds the input of a layer y = op(a, W) from its weight's gradient, the cotangent of y, and, where
/// they are known, the values of y.
///
/// Both y = op(a, W) and ∂ℓ/∂W = op'(a, ∂ℓ/∂y) are linear in a, so a is the solution of one linear
/// least-squares problem (Zhu & Blaschko 2021, section 3, for convolutions with an invertible
/// activation; for a fully connected layer it is the outer product of Geiping et al. 2020,
/// Proposition 3.1).
final class ContractionInverse: LinearOperator {
  let rowCount: Int
  let columnCount: Int
  /// Rows that say something.
  let equationCount: Int
  private let outputCount: Int
  /// What the weight's gradient is multiplied with among the equations.
  let weightGradientScale: Double
  private let forward: CompiledFunction
  private let transposed: CompiledFunction
  private let input: HostBuffer
  private let forwardResults: [HostBuffer]
  private let transposedArguments: [HostBuffer]
  private let transposedResult: HostBuffer
  /// What each value of y weighs among the equations, 0 for none; nil for none at all.
  private let outputWeights: [Double]?

  init(
    _ op: Op, inputType: TensorType, isInputFirst: Bool, weight: Tensor, cotangent: Tensor,
    outputWeights: [Double]?, backend: any Backend
  ) throws(GraphError) {
    let builder = GraphBuilder()
    let a = builder.input("input", inputType.shape, .f64)
    let w = builder.input("weight", weight.shape, .f64, role: .fixed)
    let c = builder.input("cotangent", cotangent.shape, .f64, role: .fixed)
    let y = try builder.add(op, isInputFirst ? [a, w] : [w, a])
    let g = y.pullback(c, to: [w])[0]
    let u = builder.input("output row", y.shape, .f64)
    let q = builder.input("weight gradient row", g.shape, .f64)
    let back = y.pullback(u, to: [a])[0] + g.pullback(q, to: [a])[0]

    // Rows of both kinds weigh alike when the two maps are of one size.
    weightGradientScale =
      outputWeights == nil
      ? 1 : ContractionInverse.weightGradientScale(weight: weight, cotangent: cotangent)
    self.outputWeights = outputWeights
    outputCount = outputWeights == nil ? 0 : y.shape.elementCount
    equationCount = (outputWeights?.count { $0 > 0 } ?? 0) + g.shape.elementCount
    rowCount = outputCount + g.shape.elementCount
    columnCount = inputType.shape.elementCount

    forward = try CompiledFunction(builder.function(computing: [y, g]), on: backend)
    transposed = try CompiledFunction(builder.function(computing: [back]), on: backend)
    input = forward.input(a.handle)
    transposedArguments = [transposed.input(u.handle), transposed.input(q.handle)]
    let (weight, cotangent) = (HostBuffer(weight), HostBuffer(cotangent))
    for function in [forward, transposed] {
      function.bind(a.handle, to: input)
      function.bind(w.handle, to: weight)
      function.bind(c.handle, to: cotangent)
      function.bind(u.handle, to: transposedArguments[0])
      function.bind(q.handle, to: transposedArguments[1])
    }
    forwardResults = [forward.output(y.handle), forward.output(g.handle)]
    transposedResult = transposed.output(back.handle)
  }

  /// What makes the equations of the weight's gradient weigh as those of the values.
  static func weightGradientScale(weight: Tensor, cotangent: Tensor) -> Double {
    let cotangentNorm = norm(cotangent)
    return cotangentNorm > 0 ? norm(weight) / cotangentNorm : 1
  }

  /// The layer's output y for an input.
  func output(of vector: [Double]) throws(GraphError) -> [Double] {
    _ = try image(of: vector)
    return Array(forwardResults[0].pointer(as: Double.self))
  }

  /// The right-hand side: values of y, where they are used, and the weight's gradient.
  func target(output: Tensor?, weightGradient: Tensor) -> [Double] {
    zip(output?.doubles ?? [], outputWeights ?? []).map { $0 * $1 }
      + weightGradient.doubles.map { $0 * weightGradientScale }
  }

  /// The cotangent of the input, which the one of the output determines.
  func inputCotangent(_ cotangent: Tensor) throws(GraphError) -> Tensor {
    transposedArguments[0].write(cotangent)
    transposedArguments[1].write(Tensor(transposedArguments[1].type.shape, .f64, repeating: 0))
    try transposed.run()
    return transposedResult.read()
  }

  /// Whether there is a direction in which the input changes and no equation does: what a solution for
  /// the equations of a random input lacks of it.
  func hasOpenDirection(shouldStop: () -> Bool) throws(GraphError) -> Bool {
    guard equationCount >= columnCount else { return true }
    var source = RandomSource(seed: 0x0be4).derive(label: "open direction")
    let random = (0..<columnCount).map { _ in source.normal() }
    let target = try image(of: random)
    let found = try LSQR(steps: 4 * columnCount).solve(self, target, shouldStop: shouldStop).x
    let direction = zip(random, found).map { $0 - $1 }
    let change = try image(of: direction)
    func norm(_ vector: [Double]) -> Double { dot(vector, vector).squareRoot() }
    let (length, whole) = (norm(direction), norm(random))
    // One open direction has a share of about 1 in all directions.
    guard length * length * Double(columnCount) > 0.1 * whole * whole else { return false }
    return norm(change) * whole <= ContractionInverse.openness * norm(target) * length
  }

  /// Relative to a random direction, the change of the equations below which a direction is open.
  private static let openness = 1e-7

  func apply(_ vector: Vector, into result: MutableVector) throws(GraphError) {
    let argument = input.pointer(as: Double.self)
    for index in 0..<columnCount { argument[index] = vector[index] }
    try forward.run()
    let (y, g) = (
      forwardResults[0].pointer(as: Double.self), forwardResults[1].pointer(as: Double.self)
    )
    if let outputWeights {
      for index in 0..<outputCount { result[index] = outputWeights[index] * y[index] }
    }
    for index in 0..<g.count { result[outputCount + index] = weightGradientScale * g[index] }
  }

  func applyTransposed(_ vector: Vector, into result: MutableVector) throws(GraphError) {
    let u = transposedArguments[0].pointer(as: Double.self)
    let q = transposedArguments[1].pointer(as: Double.self)
    for index in 0..<u.count {
      u[index] = outputWeights.map { $0[index] * vector[index] } ?? 0
    }
    for index in 0..<q.count { q[index] = weightGradientScale * vector[outputCount + index] }
    try transposed.run()
    let back = transposedResult.pointer(as: Double.self)
    for index in 0..<columnCount { result[index] = back[index] }
  }

  private static func norm(_ tensor: Tensor) -> Double {
    tensor.doubles.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}

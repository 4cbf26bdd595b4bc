import Solvers
import TensorGraph

/// The sum of squares of residuals that a graph computes in f64 from one variable, with the products that
/// second-order methods need.
class ResidualSquares: LeastSquaresFunction {
  let dimension: Int
  private let evaluation: CompiledFunction
  private let products: CompiledFunction
  private let point: HostBuffer
  private let direction: HostBuffer
  private let loss: HostBuffer
  private let gradient: HostBuffer
  private let product: HostBuffer

  /// - Parameters:
  ///   - residuals: f64 values of any shapes, of one builder.
  ///   - x: the input that varies.
  ///   - fixed: the other inputs, and what they are.
  /// - Throws: ``GraphError`` when the backend cannot run the graph.
  init(
    _ residuals: [Value], of x: Value, fixed: [(input: Value, tensor: Tensor)],
    backend: any Backend
  ) throws(GraphError) {
    let builder = x.builder
    let along = builder.input("direction", x.shape, .f64)
    let squares = residuals.map { $0.squared().sum() }
    let total = squares.dropFirst().reduce(squares[0], +)
    let changes = Value.pushforward(residuals, along: [(variable: x, tangent: along)])
    let normal = Value.pullback(
      zip(residuals, changes).map { (value: $0, cotangent: $1) }, to: [x])
    let slope = total.gradient(withRespectTo: [x])[0]

    dimension = x.shape.elementCount
    evaluation = try CompiledFunction(builder.function(computing: [total, slope]), on: backend)
    products = try CompiledFunction(builder.function(computing: normal), on: backend)
    point = evaluation.input(x.handle)
    direction = products.input(along.handle)
    for function in [evaluation, products] {
      function.bind(x.handle, to: point)
      function.bind(along.handle, to: direction)
    }
    for (input, tensor) in fixed {
      let buffer = evaluation.input(input.handle)
      buffer.write(tensor.converted(to: .f64))
      for function in [evaluation, products] { function.bind(input.handle, to: buffer) }
    }
    loss = evaluation.output(total.handle)
    gradient = evaluation.output(slope.handle)
    product = products.output(normal[0].handle)
  }

  /// Gives a fixed input, a scalar, another value.
  func set(_ input: ValueHandle, to number: Double) {
    for function in [evaluation, products] {
      function.bind(input, to: Tensor([], .f64, repeating: number))
    }
  }

  func evaluate(
    at vector: Vector, gradient result: MutableVector
  ) throws(GraphError) -> Double {
    point.store(vector)
    try evaluation.run()
    gradient.load(into: result)
    return loss.number(at: 0)
  }

  func multiplyNormalMatrix(
    at vector: Vector, by factor: Vector, into result: MutableVector
  ) throws(GraphError) {
    point.store(vector)
    direction.store(factor)
    try products.run()
    product.load(into: result)
  }

  func assembleNormalMatrix(
    at vector: Vector, into matrix: HostBuffer, shouldStop: () -> Bool
  ) throws(GraphError) -> Bool {
    point.store(vector)
    return try UnitVectorProducts(
      function: products, directions: [direction], products: [product], columns: 1
    ).assemble(into: matrix, shouldStop: shouldStop)
  }
}

extension Value {
  /// First differences of images [N, C, H, W] along both axes; none of other data.
  var neighbourDifferences: [Value] {
    guard shape.rank == 4 else { return [] }
    return [2, 3].compactMap { axis in
      let extent = shape[axis]
      guard extent > 1 else { return nil }
      return slice(axis: axis, 1..<extent) - slice(axis: axis, 0..<extent - 1)
    }
  }
}

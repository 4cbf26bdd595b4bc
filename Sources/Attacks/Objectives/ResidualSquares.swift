import Solvers
import TensorGraph

/// The sum of squares of residuals that a graph computes in f64 from one variable, with the products that
/// second-order methods need.
class ResidualSquares: LeastSquaresFunction {
  let dimension: Int
  private let evaluation: CompiledFunction
  private let products: CompiledFunction
  private let variable: ValueHandle
  private let point: HostBuffer
  /// The point that the products are of. What of them depends on it alone is computed once where the
  /// variable is a fixed input.
  private let productPoint: HostBuffer
  private let direction: HostBuffer
  private let loss: HostBuffer
  private let gradient: HostBuffer
  private let product: HostBuffer

  /// - Parameters:
  ///   - residuals: f64 values of any shapes, of one builder.
  ///   - x: the input that is sought; declared as fixed where products are many at each point.
  ///   - fixed: the other inputs, and what they are in f64.
  /// - Throws: ``GraphError`` when the backend cannot run the graph.
  init(
    _ residuals: [Value], of x: Value, fixed: [(input: Value, buffer: HostBuffer)],
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
    variable = x.handle
    point = HostBuffer(x.type)
    productPoint = HostBuffer(x.type)
    direction = products.input(along.handle)
    for function in [evaluation, products] {
      function.bind(along.handle, to: direction)
      for (input, buffer) in fixed { function.bind(input.handle, to: buffer) }
    }
    products.bind(variable, to: productPoint)
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
    evaluation.bind(variable, to: point)
    try evaluation.run()
    gradient.load(into: result)
    return loss.number(at: 0)
  }

  func multiplyNormalMatrix(
    at vector: Vector, by factor: Vector, into result: MutableVector
  ) throws(GraphError) {
    move(to: vector)
    direction.store(factor)
    try products.run()
    product.load(into: result)
  }

  func assembleNormalMatrix(
    at vector: Vector, into matrix: HostBuffer, shouldStop: () -> Bool
  ) throws(GraphError) -> Bool {
    move(to: vector)
    return try UnitVectorProducts(
      function: products, directions: [direction], products: [product], columns: 1
    ).assemble(into: matrix, shouldStop: shouldStop)
  }

  private func move(to vector: Vector) {
    guard !productPoint.pointer(as: Double.self).elementsEqual(vector) else { return }
    productPoint.store(vector)
    products.bind(variable, to: productPoint)
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

import Clients
import Solvers
import TensorGraph

/// What is left to fit where layer peeling ends above the data: the images whose values at that layer are
/// the known ones, and whose gradients for the parameters up to it are those that were shared.
///
/// The cotangent there is known too, so the loss, the labels and everything behind have gone from the
/// problem: r(x) = (y(x) - y*, s (∂⟨c, y(x)⟩/∂W - g*)). It has as many solutions as the whole problem,
/// costs less, and each image's values, which no other image touches, keep it well conditioned.
///
/// Where the equations are too few, first differences of small weight choose the smoothest batch, as
/// ``SmoothCompletion`` does.
final class OpenEndResiduals: LeastSquaresFunction {
  let dimension: Int
  private let evaluation: CompiledFunction
  private let products: CompiledFunction
  private let point: HostBuffer
  private let direction: HostBuffer
  private let loss: HostBuffer
  private let gradient: HostBuffer
  private let product: HostBuffer
  private let smoothness: ValueHandle

  /// - Parameter update: with the gradients of the whole model.
  /// - Throws: ``GraphError`` when the backend cannot run the graph.
  init(
    _ peeling: LayerPeeling, _ end: LayerPeeling.OpenEnd, _ weighted: WeightedModel,
    _ update: SharedUpdate, backend: any Backend
  ) throws(GraphError) {
    let head = peeling.graph.computing(end.node)
    let builder = GraphBuilder()
    let data = head.inputs.count - 1
    let inputs = head.inputs.enumerated().map {
      builder.input($1.name, $1.type.shape, $1.type.dtype, role: $0 == data ? .varying : .fixed)
    }
    let x = inputs[data]
    let along = builder.input("direction", x.shape, .f64)
    var fixed = Array(zip(inputs, weighted.parameters + weighted.buffers))
    func fixedInput(_ name: String, _ tensor: Tensor) -> Value {
      let value = builder.input(name, tensor.shape, .f64, role: .fixed)
      fixed.append((value, tensor))
      return value
    }
    let y = builder.inline(head, inputs: inputs)[0]
    let cotangent = fixedInput("cotangent", end.cotangent)
    let mask = fixedInput("mask", Tensor(end.value.shape, .f64(end.isKnown.map { $0 ? 1 : 0 })))
    let scale = fixedInput("scale", Tensor([], .f64, repeating: end.gradientScale))
    let smoothness = fixedInput("smoothness", Tensor([], .f64, repeating: 0))
    let used = update.sharedParameters.filter { head.reads(input: $0) }
    let gradients = y.pullback(cotangent, to: used.map { inputs[$0] })

    var residuals = [(y - fixedInput("value", end.value)) * mask]
    for (parameter, gradient) in zip(used, gradients) {
      let target = fixedInput("target", update.gradients[parameter])
      residuals.append((gradient - target) * scale.broadcast(to: gradient.shape, axes: []))
    }
    residuals += OpenEndResiduals.differences(of: x).map {
      $0 * smoothness.broadcast(to: $0.shape, axes: [])
    }
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
    self.smoothness = smoothness.handle
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

  /// Weight of neighbours' differences; 0 where the equations suffice.
  func setSmoothness(_ weight: Double) {
    for function in [evaluation, products] {
      function.bind(smoothness, to: Tensor([], .f64, repeating: weight))
    }
  }

  /// Of images [N, C, H, W], along both axes; none of other data.
  private static func differences(of images: Value) -> [Value] {
    guard images.shape.rank == 4 else { return [] }
    return [2, 3].compactMap { axis in
      let extent = images.shape[axis]
      guard extent > 1 else { return nil }
      return images.slice(axis: axis, 1..<extent) - images.slice(axis: axis, 0..<extent - 1)
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

extension Graph {
  /// The graph that computes one of this graph's nodes from the same inputs.
  func computing(_ node: NodeID) -> Graph {
    Graph(nodes: nodes, inputs: inputs, outputs: [node]).removingDeadNodes()
  }
}

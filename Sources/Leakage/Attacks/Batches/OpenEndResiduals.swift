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
  private let evaluation: any Executable
  private let products: any Executable
  private let point: HostBuffer
  private let direction: HostBuffer
  private let loss: HostBuffer
  private let gradient: HostBuffer
  private let product: HostBuffer
  private let smoothnessInput: HostBuffer

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
    var fixed: [Tensor] = (weighted.parameters + weighted.buffers).map { $0.converted(to: .f64) }
    func fixedInput(_ name: String, _ tensor: Tensor) -> Value {
      fixed.append(tensor.converted(to: .f64))
      return builder.input(name, tensor.shape, .f64, role: .fixed)
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
    let evaluationGraph = builder.build(outputs: [total] + total.gradient(withRespectTo: [x]))
    let productGraph = builder.build(outputs: normal)

    dimension = x.shape.elementCount
    evaluation = try backend.compile(evaluationGraph)
    products = try backend.compile(productGraph)
    point = HostBuffer(x.type)
    direction = HostBuffer(x.type)
    loss = HostBuffer(evaluationGraph.outputTypes[0])
    gradient = HostBuffer(x.type)
    product = HostBuffer(x.type)
    var buffers = fixed.map { HostBuffer($0) }
    smoothnessInput = buffers[data + 3]
    buffers.insert(contentsOf: [point, direction], at: data)
    for executable in [evaluation, products] {
      for (index, buffer) in buffers.enumerated() { executable.bind(input: index, to: buffer) }
    }
    evaluation.bind(output: 0, to: loss)
    evaluation.bind(output: 1, to: gradient)
    products.bind(output: 0, to: product)
  }

  /// Weight of neighbours' differences; 0 where the equations suffice.
  func setSmoothness(_ weight: Double) {
    smoothnessInput.write(Tensor([], .f64, repeating: weight))
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

  func evaluate(at vector: Vector, gradient result: MutableVector) -> Double {
    point.store(vector)
    evaluation.run()
    gradient.load(into: result)
    return loss.number(at: 0)
  }

  func multiplyNormalMatrix(at vector: Vector, by factor: Vector, into result: MutableVector) {
    point.store(vector)
    direction.store(factor)
    products.run()
    product.load(into: result)
  }

  func assembleNormalMatrix(
    at vector: Vector, into matrix: HostBuffer, shouldStop: () -> Bool
  ) -> Bool {
    point.store(vector)
    return UnitVectorProducts(
      executable: products, directions: [direction], products: [product], columns: 1
    ).assemble(into: matrix, shouldStop: shouldStop)
  }
}

extension Graph {
  /// The graph that computes one of this graph's nodes from the same inputs.
  func computing(_ node: NodeID) -> Graph {
    Graph(nodes: nodes, inputs: inputs, outputs: [node]).removingDeadNodes()
  }
}

import Clients
import Defences
import TensorGraph

/// Products with JᵀJ of gradient matching at one point, and the whole matrix from products with the unit
/// vectors.
final class GaussNewtonProducts {
  private let function: CompiledFunction
  /// The point's buffers, then the direction's and the product's, in one order.
  private let variables: [HostBuffer]
  private let directions: [HostBuffer]
  private let products: [HostBuffer]
  private let columns: Int

  /// - Parameters:
  ///   - labels: class indices of the batch, or nil when they are sought as probabilities.
  ///   - viewed: what the signature's view takes; see `CounterAttack.viewed(_:of:isWeighted:)`.
  ///   - columns: products computed at once.
  /// - Throws: ``GraphError`` when the backend cannot run the graph.
  init(
    _ weighted: WeightedModel, _ signature: UpdateSignature, labels: [Int]?, dtype: DType,
    viewed: [Tensor] = [], columns: Int = 1, backend: any Backend
  ) throws(GraphError) {
    let product = GaussNewtonGraph(
      signature, labelForm: labels == nil ? .probabilities : .classIndices,
      seeksLabels: labels == nil, columns: columns == 1 ? nil : columns, dtype: dtype)
    function = try CompiledFunction(product.function, on: backend)
    function.bind(product.parameters, to: weighted.parameters)
    function.bind(product.buffers, to: weighted.trainedBuffers(signature.training))
    function.bind(product.viewed, to: viewed)
    let (images, labelBuffer) = (function.input(product.images), function.input(product.labels))
    if let labels {
      labelBuffer.write(Tensor(labelBuffer.type.shape, .i32, labels.map(Double.init)))
    }
    variables = labels == nil ? [images, labelBuffer] : [images]
    directions = product.directions.map(function.input)
    products = product.products.map(function.output)
    self.columns = columns
  }

  /// Of the matching loss that an attack minimises.
  convenience init(
    _ problem: AttackProblem, labels: [Int]?, dtype: DType
  ) throws(GraphError) {
    try self.init(
      problem.weighted, problem.signature, labels: labels, dtype: dtype,
      viewed: problem.counter.viewed(problem.update, of: problem.update.sharedParameters),
      backend: problem.backend)
  }

  func move(to point: UnsafeBufferPointer<Double>) {
    variables.store(point)
  }

  /// One product, for an instance with one column.
  func multiply(
    _ direction: UnsafeBufferPointer<Double>, into result: UnsafeMutableBufferPointer<Double>
  ) throws(GraphError) {
    precondition(columns == 1, "one product of a graph for \(columns)")
    directions.store(direction)
    try function.run()
    products.load(into: result)
  }

  /// Fills `matrix`, of this instance's element type, with JᵀJ: row i is the product with unit vector
  /// i. Rounding leaves it not quite symmetric.
  ///
  /// - Returns: false when `shouldStop`, asked now and then, said so.
  func assemble(
    into matrix: HostBuffer, shouldStop: () -> Bool
  ) throws(GraphError) -> Bool {
    try UnitVectorProducts(
      function: function, directions: directions, products: products, columns: columns
    ).assemble(into: matrix, shouldStop: shouldStop)
  }
}

import Clients
import TensorGraph

/// Features that hidden layers read of one example, with their derivatives along given directions.
final class FeatureFunction {
  private let function: CompiledFunction
  private let example: HostBuffer
  private let values: [HostBuffer]
  private let slopes: [HostBuffer]
  private let modelName: String
  /// Directions.
  let count: Int

  /// - Parameter directions: examples, each a direction to move along; one at least.
  /// - Throws: ``AttackError`` when the backend cannot run the model.
  init(
    _ weighted: WeightedModel, _ hidden: HiddenLayers, layers: [HiddenLayers.Layer],
    directions: [[Double]], backend: any Backend
  ) throws(AttackError) {
    let model = weighted.model
    let shape = Shape([1] + model.inputShape.dimensions)
    let count = directions.count
    self.count = count
    modelName = model.name
    let builder = GraphBuilder()
    let inputs = (model.parameters + model.buffers).map {
      builder.input($0.name, $0.shape, .f64, role: .fixed)
    }
    let data = builder.input("example", shape, .f64)
    let direction = builder.input("direction", shape, .f64, role: .fixed)
    let tensors = Tensor(
      Shape([count] + shape.dimensions), .f64(directions.flatMap(\.self)))
    let made = try AttackError.naming(model.name, "run") {
      () throws(GraphError) -> (CompiledFunction, [Value], [Value]) in
      let nodes = try hidden.graph.values(in: builder, inputs: inputs + [data])
      let features = layers.map { nodes[$0.input.index] }
      let moved = Value.pushforward(features, along: [(variable: data, tangent: direction)])
      let function = try CompiledFunction(
        builder.function(computing: features + moved)
          .vectorized(inputs: [direction.handle], count: count), on: backend)
      return (function, features, moved)
    }
    function = made.0
    function.bind(inputs.map(\.handle), to: weighted.parameters + weighted.buffers)
    function.bind(direction.handle, to: tensors)
    example = function.input(data.handle)
    values = made.1.map { made.0.output($0.handle) }
    slopes = made.2.map { made.0.output($0.handle) }
  }

  /// The features of each layer, and for each direction their derivatives.
  ///
  /// - Throws: ``AttackError`` when the run fails.
  func run(
    _ input: [Double]
  ) throws(AttackError) -> (features: [[Double]], slopes: [[[Double]]]) {
    example.write(Tensor(example.type.shape, .f64(input)))
    try AttackError.naming(modelName, "run") { () throws(GraphError) in try function.run() }
    let features = values.map { buffer in
      // Every direction has the same.
      Array(buffer.read().doubles.prefix(buffer.type.shape.elementCount / count))
    }
    let slopes = slopes.map { buffer in
      let all = buffer.read().doubles
      let width = all.count / count
      return (0..<count).map { Array(all[$0 * width..<($0 + 1) * width]) }
    }
    return (features, slopes)
  }
}

import Clients
import TensorGraph

/// The gradient of a single example, compiled once and run for many.
final class SingleGradient {
  private let function: CompiledFunction
  private let modelName: String
  private let image: HostBuffer
  private let label: HostBuffer
  private let gradients: [HostBuffer]

  /// - Throws: ``AttackError`` when the backend cannot run the model.
  init(
    _ weighted: WeightedModel, loss: ClientLoss = .meanCrossEntropy, backend: any Backend
  ) throws(AttackError) {
    let client = ClientGradientGraph(
      weighted.model, batchSize: 1, labelForm: .classIndices, loss: loss, dtype: .f64)
    let name = weighted.model.name
    function = try AttackError.naming(name, "run") { () throws(GraphError) in
      try CompiledFunction(client.function, on: backend)
    }
    modelName = name
    image = function.input(client.images)
    label = function.input(client.labels)
    function.bind(client.parameters, to: weighted.parameters)
    function.bind(client.buffers, to: weighted.buffers)
    gradients = client.gradients.map(function.output)
  }

  /// - Parameter elements: of the image [C, H, W].
  /// - Throws: ``AttackError`` when the run fails.
  func run(image elements: [Double], label index: Int) throws(AttackError) {
    image.write(Tensor(image.type.shape, .f64(elements)))
    label.write(Tensor([1], .i32([Int32(index)])))
    try AttackError.naming(modelName, "run") { () throws(GraphError) in try function.run() }
  }

  /// The gradient of one parameter, by its index, in the latest run.
  func gradient(of parameter: Int) -> [Double] { gradients[parameter].read().doubles }
}

import TensorGraph

/// The gradient of a single example, compiled once and run for many.
final class SingleGradient {
  private let executable: any Executable
  private let image: HostBuffer
  private let label: HostBuffer
  private let gradients: [HostBuffer]

  /// - Throws: ``AttackError`` when the backend cannot run the model.
  init(_ weighted: WeightedModel, backend: any Backend) throws(AttackError) {
    let client = ClientGradientGraph(
      weighted.model, batchSize: 1, labelForm: .classIndices, dtype: .f64)
    executable = try AttackError.naming(weighted.model.name, "run") { () throws(GraphError) in
      try backend.compile(client.graph)
    }
    let types = client.graph.inputs.map(\.type)
    image = HostBuffer(types[client.images])
    label = HostBuffer(types[client.labels])
    executable.bind(input: client.images, to: image)
    executable.bind(input: client.labels, to: label)
    for (index, tensor) in (weighted.parameters + weighted.buffers).enumerated() {
      executable.bind(
        input: client.parameters.lowerBound + index, to: HostBuffer(tensor.converted(to: .f64)))
    }
    let outputs = client.graph.outputTypes.map { HostBuffer($0) }
    for (index, buffer) in outputs.enumerated() { executable.bind(output: index, to: buffer) }
    gradients = Array(outputs[client.gradients])
  }

  /// - Parameter elements: of the image [C, H, W].
  func run(image elements: [Double], label index: Int) {
    image.write(Tensor(image.type.shape, .f64(elements)))
    label.write(Tensor([1], .i32([Int32(index)])))
    executable.run()
  }

  /// The gradient of one parameter, by its index, in the latest run.
  func gradient(of parameter: Int) -> [Double] { gradients[parameter].read().doubles }
}

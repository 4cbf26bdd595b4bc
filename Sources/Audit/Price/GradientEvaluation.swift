import Leakage
import TensorGraph

/// A compiled gradient of a batch at changing parameters, in f32.
final class GradientEvaluation {
  private let executable: any Executable
  private let client: ClientGradientGraph
  private let images: HostBuffer
  private let labels: HostBuffer
  private let parameters: [HostBuffer]
  private let outputs: [HostBuffer]

  init(_ weighted: WeightedModel, batchSize: Int, backend: any Backend) throws(GraphError) {
    client = ClientGradientGraph(
      weighted.model, batchSize: batchSize, labelForm: .classIndices, dtype: .f32, mode: .training)
    executable = try backend.compile(client.graph)
    let types = client.graph.inputs.map(\.type)
    images = HostBuffer(types[client.images])
    labels = HostBuffer(types[client.labels])
    parameters = client.parameters.map { HostBuffer(types[$0]) }
    outputs = client.graph.outputTypes.map { HostBuffer($0) }
    executable.bind(input: client.images, to: images)
    executable.bind(input: client.labels, to: labels)
    for (input, tensor) in zip(client.buffers, weighted.buffers) {
      executable.bind(input: input, to: HostBuffer(tensor.converted(to: .f32)))
    }
    for (index, buffer) in outputs.enumerated() { executable.bind(output: index, to: buffer) }
  }

  private func run(_ batch: [LabelledImages.Example], _ values: [[Double]]) {
    images.write(Tensor(images.type.shape, .f32, batch.flatMap(\.image)))
    labels.write(Tensor(labels.type.shape, .i32, batch.map { Double($0.label) }))
    for (index, input) in client.parameters.enumerated() {
      parameters[index].write(Tensor(parameters[index].type.shape, .f32, values[index]))
      executable.bind(input: input, to: parameters[index])
    }
    executable.run()
  }

  func evaluate(
    _ batch: [LabelledImages.Example], _ values: [[Double]]
  ) -> (loss: Double, gradients: [Tensor]) {
    run(batch, values)
    return (outputs[client.loss].read().scalarValue, client.gradients.map { outputs[$0].read() })
  }

  func logits(of example: LabelledImages.Example, _ values: [[Double]]) -> [Double] {
    run([example], values)
    return outputs[client.logits].read().doubles
  }
}

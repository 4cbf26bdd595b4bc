import Clients
import TensorGraph

/// A compiled gradient of a batch at changing parameters, in f32.
final class GradientEvaluation {
  private let function: CompiledFunction
  private let client: ClientGradientGraph

  init(_ weighted: WeightedModel, batchSize: Int, backend: any Backend) throws(GraphError) {
    client = ClientGradientGraph(
      weighted.model, batchSize: batchSize, labelForm: .classIndices, dtype: .f32, mode: .training)
    function = try CompiledFunction(client.function, on: backend)
    function.bind(client.buffers, to: weighted.buffers)
  }

  private func run(_ batch: [LabelledExamples.Example], _ values: [[Double]]) throws(GraphError) {
    write(batch.flatMap(\.image), to: client.images)
    write(batch.map { Double($0.label) }, to: client.labels)
    for (input, elements) in zip(client.parameters, values) {
      write(elements, to: input)
      // A fixed input's new contents count from its next binding.
      function.bind(input, to: function.input(input))
    }
    try function.run()
  }

  private func write(_ elements: [Double], to input: ValueHandle) {
    let buffer = function.input(input)
    buffer.write(Tensor(buffer.type.shape, buffer.type.dtype, elements))
  }

  func evaluate(
    _ batch: [LabelledExamples.Example], _ values: [[Double]]
  ) throws(GraphError) -> (loss: Double, gradients: [Tensor]) {
    try run(batch, values)
    return (function.read(client.loss).scalarValue, client.gradients.map(function.read))
  }

  func logits(
    of example: LabelledExamples.Example, _ values: [[Double]]
  ) throws(GraphError) -> [Double] {
    try run([example], values)
    return function.read(client.logits).doubles
  }
}

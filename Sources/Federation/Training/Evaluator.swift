import Clients
import TensorGraph

/// Measures a model on examples that no worker trains on.
package protocol ModelEvaluator: AnyObject {
  /// Examples that are looked at.
  var count: Int { get }

  /// How many of ``count`` examples get their class.
  ///
  /// - Throws: ``AttackError`` when the backend fails.
  func rightCount(_ weights: [Tensor]) throws(AttackError) -> Int
}

/// Measures a model on pictures.
package final class Evaluator: ModelEvaluator {
  private let examples: TrainingSet
  private let function: CompiledFunction
  private let images: ValueHandle
  private let parameters: [ValueHandle]
  private let logits: ValueHandle
  private let name: String
  private let batchSize: Int

  /// - Parameter examples: held out; the first ones of as many as go into batches of 100 count.
  /// - Throws: ``AttackError`` when the backend cannot run the model.
  package init(
    _ weighted: WeightedModel, _ examples: TrainingSet, backend: any Backend
  ) throws(AttackError) {
    let model = weighted.model
    name = model.name
    batchSize = min(100, examples.count)
    self.examples = examples
    let builder = GraphBuilder()
    let inputs = builder.attackInputs(
      model, batchSize: batchSize, labelForm: .classIndices, dtype: .f32, labelRole: .varying)
    let trace = model.trace(
      inputs.images, parameters: inputs.parameters, buffers: inputs.buffers, mode: .evaluation)
    let graph = builder.function(computing: [trace.logits])
    function = try AttackError.naming(model.name, "evaluated") { () throws(GraphError) in
      try CompiledFunction(graph, on: backend)
    }
    function.bind(inputs.buffers.map(\.handle), to: weighted.buffers)
    function.bind(
      inputs.labels.handle, to: Tensor([batchSize], .i32, repeating: 0))
    images = inputs.images.handle
    parameters = inputs.parameters.map(\.handle)
    logits = trace.logits.handle
  }

  /// Pictures that are looked at.
  package var count: Int { examples.count / batchSize * batchSize }

  /// How many of ``count`` pictures get their class.
  ///
  /// - Throws: ``AttackError`` when the backend fails.
  package func rightCount(_ weights: [Tensor]) throws(AttackError) -> Int {
    try AttackError.naming(name, "evaluated") { () throws(GraphError) in
      function.bind(parameters, to: weights)
      var right = 0
      for start in stride(from: 0, to: count, by: batchSize) {
        let positions = Array(start..<start + batchSize)
        function.bind(images, to: examples.images(positions))
        try function.run()
        let outputs = function.read(logits).doubles
        let classes = outputs.count / batchSize
        for (row, position) in positions.enumerated() {
          if outputs[row * classes..<(row + 1) * classes].likeliest == examples.labels[position] {
            right += 1
          }
        }
      }
      return right
    }
  }
}

extension ArraySlice<Double> {
  /// The class with the largest logit, from 0.
  package var likeliest: Int {
    (indices.max { self[$0] < self[$1] } ?? startIndex) - startIndex
  }
}

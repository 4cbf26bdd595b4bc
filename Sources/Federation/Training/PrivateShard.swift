import Clients
import TensorGraph

/// A worker's private examples and the model that it trains on them: all that training asks of a kind of data.
package protocol PrivateShard: AnyObject {
  /// Number of examples.
  var count: Int { get }

  /// The gradient of the mean loss of some examples.
  ///
  /// - Parameters:
  ///   - examples: positions in the shard, one or more.
  ///   - weights: one f32 tensor for each parameter.
  /// - Returns: one f32 tensor for each parameter, and the loss.
  /// - Throws: ``AttackError`` when the backend cannot run the model.
  func gradient(
    _ examples: [Int], at weights: [Tensor]
  ) throws(AttackError) -> (gradient: [Tensor], loss: Double)

  /// Some examples, for the study alone.
  func batch(_ examples: [Int]) -> RoundTap.Batch
}

/// Gradients of a model of pictures at weights that change, compiled once for each size of batches.
package final class PictureGradients {
  private let model: Model
  private let buffers: [Tensor]
  private let backend: any Backend
  private var compiled: [Int: (graph: ClientGradientGraph, function: CompiledFunction)] = [:]

  /// - Parameter weighted: the model; of its weights the buffers alone count.
  package init(_ weighted: WeightedModel, backend: any Backend) {
    model = weighted.model
    buffers = weighted.buffers
    self.backend = backend
  }

  fileprivate func gradient(
    _ examples: [Int], of set: TrainingSet, at weights: [Tensor]
  ) throws(AttackError) -> (gradient: [Tensor], loss: Double) {
    try AttackError.naming(model.name, "trained") { () throws(GraphError) in
      let (graph, function) = try compiled(batchSize: examples.count)
      function.bind(graph.images, to: set.images(examples))
      function.bind(
        graph.labels,
        to: Tensor([examples.count], .i32(examples.map { Int32(set.labels[$0]) })))
      function.bind(graph.parameters, to: weights)
      try function.run()
      return (graph.gradients.map(function.read), function.read(graph.loss).scalarValue)
    }
  }

  private func compiled(
    batchSize: Int
  ) throws(GraphError) -> (ClientGradientGraph, CompiledFunction) {
    if let known = compiled[batchSize] { return known }
    let graph = ClientGradientGraph(model, batchSize: batchSize, labelForm: .classIndices)
    let function = try CompiledFunction(graph.function, on: backend)
    function.bind(graph.buffers, to: buffers)
    compiled[batchSize] = (graph, function)
    return (graph, function)
  }
}

/// Private pictures.
package final class PictureShard: PrivateShard {
  private let gradients: PictureGradients
  private let pictures: TrainingSet

  /// - Parameter gradients: may be shared by shards of one model.
  package init(_ gradients: PictureGradients, _ pictures: TrainingSet) {
    (self.gradients, self.pictures) = (gradients, pictures)
  }

  package var count: Int { pictures.count }

  package func gradient(
    _ examples: [Int], at weights: [Tensor]
  ) throws(AttackError) -> (gradient: [Tensor], loss: Double) {
    try gradients.gradient(examples, of: pictures, at: weights)
  }

  package func batch(_ examples: [Int]) -> RoundTap.Batch {
    RoundTap.Batch(images: pictures.images(examples), labels: examples.map { pictures.labels[$0] })
  }
}

import TensorGraph

extension WeightedModel {
  /// The update that a client with this private batch shares after its defences.
  ///
  /// - Parameters:
  ///   - images: [N, C, H, W], of the element type to compute in.
  ///   - labels: N class indices.
  ///   - training: the client's local steps, after which the defences are applied to the update; nil
  ///     for one gradient.
  ///   - pipeline: the client's defences, with what they keep from earlier rounds.
  /// - Throws: ``AttackError`` when the backend cannot run the model, or DP-SGD meets several steps.
  public func share(
    images: Tensor, labels: [Int], loss: ClientLoss = .meanCrossEntropy,
    training: LocalTraining? = nil, mode: ForwardMode = .evaluation,
    through pipeline: inout DefencePipeline, backend: any Backend
  ) throws(AttackError) -> DefendedUpdate {
    if let training, !training.isOneGradient, pipeline.needsExampleGradients {
      throw AttackError(
        "DP-SGD clips the gradients of single examples in each step, which is not followed through "
          + "\(training.steps.count) local steps; simulate one step, or another defence")
    }
    let update = try share(
      images: images, labels: labels, loss: loss, training: training, mode: mode,
      backend: backend)
    var examples: [[Tensor]] = []
    if pipeline.needsExampleGradients {
      let elements = images.doubles
      let size = elements.count / labels.count
      let shape = Shape([1] + images.shape.dimensions.dropFirst())
      for (index, label) in labels.enumerated() {
        let image = Tensor(
          shape, images.dtype, Array(elements[index * size..<(index + 1) * size]))
        examples.append(
          try share(images: image, labels: [label], loss: loss, mode: mode, backend: backend)
            .gradients)
      }
    }
    return pipeline.apply(
      update.gradients, batchSize: labels.count, loss: loss, training: training,
      examples: examples)
  }
}

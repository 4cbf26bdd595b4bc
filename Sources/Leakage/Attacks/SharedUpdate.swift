import TensorGraph

/// What a client shared after one local step: the gradient of its loss on a private batch.
public struct SharedUpdate: Sendable {
  /// One tensor per parameter, in the model's order.
  public let gradients: [Tensor]
  /// Number of examples in the private batch.
  public let batchSize: Int
  /// The squared Euclidean norm over all tensors.
  public let squaredNorm: Double

  public init(gradients: [Tensor], batchSize: Int) {
    precondition(batchSize >= 1, "an update of \(batchSize) examples")
    self.gradients = gradients
    self.batchSize = batchSize
    squaredNorm = gradients.reduce(0) { sum, tensor in
      sum + tensor.doubles.reduce(0) { $0 + $1 * $1 }
    }
  }
}

/// A model with weights: what a server sends to its clients.
public struct WeightedModel: Sendable {
  public let model: Model
  /// One tensor per parameter, in the model's order.
  public let parameters: [Tensor]
  /// One tensor per buffer, in the model's order.
  public let buffers: [Tensor]

  public init(model: Model, parameters: [Tensor], buffers: [Tensor]) {
    precondition(
      parameters.map(\.shape) == model.parameters.map(\.shape)
        && buffers.map(\.shape) == model.buffers.map(\.shape),
      "the tensors do not fit \(model.name)")
    self.model = model
    self.parameters = parameters
    self.buffers = buffers
  }

  /// A model with freshly drawn weights, in f64.
  public init(untrained model: Model, seed: UInt64) {
    self.init(
      model: model, parameters: model.initialParameters(seed: seed, dtype: .f64).map(\.tensor),
      buffers: model.initialBuffers(dtype: .f64).map(\.tensor))
  }

  /// The gradient that a client with this private batch shares.
  ///
  /// - Parameters:
  ///   - images: [N, C, H, W], of the element type to compute in.
  ///   - labels: N class indices.
  /// - Throws: ``AttackError`` when the backend cannot run the model.
  public func share(
    images: Tensor, labels: [Int], mode: ForwardMode = .evaluation, backend: any Backend
  ) throws(AttackError) -> SharedUpdate {
    let dtype = images.dtype
    let client = ClientGradientGraph(
      model, batchSize: labels.count, labelForm: .classIndices, dtype: dtype, mode: mode)
    let indices = Tensor([labels.count], .i32, labels.map(Double.init))
    let inputs = [images, indices] + (parameters + buffers).map { $0.converted(to: dtype) }
    do {
      let outputs = try backend.evaluate(client.graph, inputs)
      return SharedUpdate(
        gradients: client.gradients.map { outputs[$0] }, batchSize: labels.count)
    } catch {
      throw AttackError("\(model.name) cannot be run: \(error.message)")
    }
  }
}

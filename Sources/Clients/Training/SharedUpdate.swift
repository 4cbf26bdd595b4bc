import TensorGraph

/// What a client shared: the gradient of its loss on a private batch, or what several local steps come
/// to, (weights before - weights after) / learning rate; for all parameters or some of them.
public struct SharedUpdate: Sendable {
  /// What a client's file is said to hold.
  public enum Origin: Sendable, Equatable {
    case gradient
    /// Weights after minus weights before, which were divided by -`learningRate`.
    case difference(learningRate: Double)
  }

  /// One tensor per parameter, in the model's order; zeros for one whose gradient was not shared.
  public let gradients: [Tensor]
  /// Indices of the parameters whose gradients were shared, ascending and never empty.
  public let sharedParameters: [Int]
  /// The local steps behind it, as far as the attacker knows them, and the clients whose mean it is;
  /// nil for one client's gradient.
  public let training: LocalTraining?
  /// The loss whose gradient it is.
  public let loss: ClientLoss
  /// Number of examples in the private batch.
  public let batchSize: Int
  /// What the file held that this was read from; nil for what was computed here, which cannot but fit its
  /// model.
  public let origin: Origin?
  /// The squared Euclidean norm over all tensors.
  public let squaredNorm: Double
  /// The matching loss, relative to ``squaredNorm``, that rounding of the shared numbers alone leaves at
  /// the true batch; 0 for numbers that are exact to f64.
  public let relativeRounding: Double
  /// For each parameter the squared error that rounding brings to its gradient: that of the shared numbers
  /// where it is known, or else that of the type they are stored in.
  public let roundingEnergies: [Double]

  /// - Parameters:
  ///   - training: of `batchSize` examples; a single step on all of them is taken as a gradient.
  ///   - sharedParameters: nil for all.
  public init(
    gradients: [Tensor], batchSize: Int, loss: ClientLoss = .meanCrossEntropy,
    training: LocalTraining? = nil, sharedParameters: [Int]? = nil, relativeRounding: Double = 0,
    roundingEnergies: [Double]? = nil, origin: Origin? = nil
  ) {
    self.origin = origin
    precondition(batchSize >= 1, "an update of \(batchSize) examples")
    precondition(
      training.map { Set($0.steps.joined()) == Set(0..<batchSize) } ?? true,
      "the local steps do not see each of \(batchSize) examples")
    let shared = sharedParameters ?? Array(gradients.indices)
    precondition(
      !shared.isEmpty && shared.allSatisfy(gradients.indices.contains) && shared == shared.sorted(),
      "parameters \(shared) cannot be those shared of \(gradients.count)")
    self.gradients = gradients
    self.sharedParameters = shared
    self.loss = loss
    self.training = training.flatMap { $0.isOneGradient ? nil : $0.asKnown }
    self.relativeRounding = relativeRounding
    self.batchSize = batchSize
    let energies = gradients.map { $0.doubles.reduce(0) { $0 + $1 * $1 } }
    squaredNorm = energies.reduce(0, +)
    self.roundingEnergies =
      roundingEnergies
      ?? zip(gradients, energies).map { tensor, energy in
        let format = tensor.dtype == .f64 ? NumberTraces.Format.double : .single
        return max(relativeRounding, format.relativeRounding) * energy
      }
  }

  /// The gradient of a parameter; nil when it was not shared.
  public func gradient(of parameter: Int) -> Tensor? {
    sharedParameters.contains(parameter) ? gradients[parameter] : nil
  }

  /// Whether every parameter's gradient was shared.
  public var isComplete: Bool { sharedParameters.count == gradients.count }

  /// The same as the gradient of the clients' joint batch, where it is one: what closed forms read.
  package func joiningClients(_ model: Model, _ mode: ForwardMode) -> SharedUpdate {
    guard let training, training.isJointGradient(of: model, loss, mode) else { return self }
    return SharedUpdate(
      gradients: gradients, batchSize: batchSize, loss: loss, sharedParameters: sharedParameters,
      relativeRounding: relativeRounding, roundingEnergies: roundingEnergies, origin: origin)
  }
}

/// A model with weights: what a server sends to its clients.
public struct WeightedModel: Sendable {
  /// What the weights belong to.
  public let model: Model
  /// One tensor per parameter, in the model's order.
  public let parameters: [Tensor]
  /// One tensor per buffer, in the model's order.
  public let buffers: [Tensor]

  /// Traps when a tensor's shape is not its parameter's or buffer's.
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

  /// The update that a client with this private batch shares.
  ///
  /// - Parameters:
  ///   - images: [N, C, H, W], of the element type to compute in.
  ///   - labels: N class indices, or as many for each image as the model gives.
  ///   - training: the local steps of the client, or of several that hold parts of the batch; nil for
  ///     one gradient.
  /// - Throws: ``AttackError`` when the loss does not fit the model or the backend cannot run it.
  public func share(
    images: Tensor, labels: [Int], loss: ClientLoss = .meanCrossEntropy,
    training: LocalTraining? = nil, mode: ForwardMode = .evaluation, backend: any Backend
  ) throws(AttackError) -> SharedUpdate {
    try step(
      images: images, labels: labels, loss: loss, training: training, mode: mode,
      backend: backend
    ).update
  }

  /// What a client computes on its private batch, with loss and logits of its first step; see
  /// ``share(images:labels:loss:training:mode:backend:)``.
  public func step(
    images: Tensor, labels: [Int], loss: ClientLoss = .meanCrossEntropy,
    training: LocalTraining? = nil, mode: ForwardMode = .evaluation, backend: any Backend
  ) throws(AttackError) -> (update: SharedUpdate, loss: Double, logits: Tensor) {
    let type = LabelForm.classIndices.type(
      batchSize: images.shape[0], positions: model.labelPositions, classCount: model.classCount,
      dtype: images.dtype)
    return try step(
      images: images, labels: Tensor(type.shape, .i32, labels.map(Double.init)),
      form: .classIndices, loss: loss, training: training, mode: mode, backend: backend)
  }

  /// The same with labels of any form; see ``LabelForm``.
  package func step(
    images: Tensor, labels: Tensor, form: LabelForm, loss: ClientLoss, training: LocalTraining?,
    mode: ForwardMode, backend: any Backend
  ) throws(AttackError) -> (update: SharedUpdate, loss: Double, logits: Tensor) {
    try loss.check(classCount: model.classCount)
    let (dtype, batchSize) = (images.dtype, images.shape[0])
    let client = ClientGradientGraph(
      model, batchSize: batchSize, labelForm: form, loss: loss, dtype: dtype, mode: mode,
      training: training)
    do {
      let function = try CompiledFunction(client.function, on: backend)
      function.bind([client.images, client.labels], to: [images, labels])
      function.bind(client.parameters, to: parameters)
      function.bind(client.buffers, to: trainedBuffers(training))
      try function.run()
      let update = SharedUpdate(
        gradients: client.gradients.map(function.read), batchSize: batchSize, loss: loss,
        training: training
      ).throughSingleWeights(parameters)
      return (update, function.read(client.loss).scalarValue, function.read(client.logits))
    } catch {
      throw AttackError("\(model.name) cannot be run: \(error.message)", .backendFailed)
    }
  }
}

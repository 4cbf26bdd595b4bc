import TensorGraph

extension Model {
  /// The update of clients that train for several steps, as values of the graph its inputs belong to:
  /// (weights before - weights after) / learning rate, which for one plain step is the gradient; of
  /// several clients the mean, weighted by their numbers of examples. Where weights decay apart from their
  /// gradients (AdamW), the weights before are taken without what that took off them.
  ///
  /// The whole training is in the graph, so that its derivatives follow every step (Geiping et al.
  /// 2020, section 5).
  ///
  /// As for ``clientGradient(images:labels:labelForm:parameters:buffers:loss:mode:)``;
  /// without `training` the update is one gradient. The optimiser's state, if any is given, follows the
  /// model's own buffers; see ``trainedBuffers(_:)``.
  ///
  /// - Parameter width: smooths steps that are next to signs; see ``DivisorFloor``. Nil for the clients' own.
  /// - Returns: logits and loss of the first client's first step, and the update.
  package func clientUpdate(
    images: Value, labels: Value, labelForm: LabelForm, parameters: [Value], buffers: [Value],
    loss: ClientLoss = .meanCrossEntropy, training: LocalTraining?,
    mode: ForwardMode = .evaluation, width: Value? = nil
  ) -> ClientGradient {
    let (buffers, state) = (
      Array(buffers.prefix(self.buffers.count)), Array(buffers.dropFirst(self.buffers.count))
    )
    func gradient(_ examples: [Int]?, at weights: [Value]) -> ClientGradient {
      clientGradient(
        images: examples.map { images.examples($0) } ?? images,
        labels: examples.map { labels.examples($0) } ?? labels, labelForm: labelForm,
        parameters: weights, buffers: buffers, loss: loss, mode: mode)
    }
    guard let training, !training.isJointGradient(of: self, loss, mode) else {
      return gradient(nil, at: parameters)
    }
    let clients = training.clients.map { steps in
      training.follow(steps, from: parameters, state: state, width: width) { gradient($0, at: $1) }
    }
    guard clients.count > 1 else { return clients[0] }
    let sizes = training.clientSizes.map(Double.init)
    let total = sizes.reduce(0, +)
    let mean = parameters.indices.map { index in
      zip(clients, sizes).map { $0.gradients[index] * ($1 / total) }.reduce(nil) { sum, term in
        sum.map { $0 + term } ?? term
      } ?? parameters[index]
    }
    return ClientGradient(logits: clients[0].logits, loss: clients[0].loss, gradients: mean)
  }
}

extension LocalTraining {
  /// One client's steps from the weights `parameters`: its update, and logits and loss of its first
  /// step.
  ///
  /// - Parameter state: of the optimiser, in the order of ``OptimizerState/named(for:)``.
  fileprivate func follow(
    _ batches: [[Int]], from parameters: [Value], state: [Value], width: Value?,
    gradient: (_ examples: [Int], _ weights: [Value]) -> ClientGradient
  ) -> ClientGradient {
    var steps = ClientSteps(
      self, from: parameters,
      states: rule.state?.grouped(state, parameterCount: parameters.count) ?? [], width: width)
    var first: ClientGradient?
    for start in stride(from: 0, to: batches.count, by: rule.accumulation) {
      let results = batches[start..<start + rule.accumulation].map { gradient($0, steps.weights) }
      if first == nil { first = results[0] }
      steps.step(results.map(\.gradients))
    }
    guard let first else { preconditionFailure("a training without steps") }
    return ClientGradient(logits: first.logits, loss: first.loss, gradients: steps.update)
  }
}

extension Value {
  /// Some of the examples along the first axis, in the order given.
  fileprivate func examples(_ positions: [Int]) -> Value {
    let count = shape[0]
    if positions == Array(0..<count) { return self }
    // Neighbours are taken together.
    var runs: [Range<Int>] = []
    for position in positions {
      precondition((0..<count).contains(position), "example \(position) of \(count)")
      if let last = runs.last, last.upperBound == position {
        runs[runs.count - 1] = last.lowerBound..<position + 1
      } else {
        runs.append(position..<position + 1)
      }
    }
    return Value.concatenate(runs.map { slice(axis: 0, $0) }, axis: 0)
  }
}

extension Model {
  /// The tensors that graphs of a client's update take besides the parameters: the model's buffers, then what
  /// the client's optimiser kept.
  package func trainedBuffers(_ training: LocalTraining?) -> [ParameterSpec] {
    buffers + (training?.rule.state?.named(for: parameters).map(\.spec) ?? [])
  }
}

extension WeightedModel {
  /// The tensors of ``Model/trainedBuffers(_:)``.
  package func trainedBuffers(_ training: LocalTraining?) -> [Tensor] {
    buffers + (training?.rule.state?.named(for: model.parameters).map(\.tensor) ?? [])
  }
}

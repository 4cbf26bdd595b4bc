import TensorGraph

extension Model {
  /// The update of clients that train for several steps, as values of the graph its inputs belong to:
  /// (weights before - weights after) / learning rate, which for one step without decay is the
  /// gradient; of several clients the mean, weighted by their numbers of examples.
  ///
  /// The whole training is in the graph, so that its derivatives follow every step (Geiping et al.
  /// 2020, section 5).
  ///
  /// - Parameters: as for ``clientGradient(images:labels:labelForm:parameters:buffers:loss:mode:)``;
  ///   without `training` the update is one gradient.
  /// - Returns: logits and loss of the first client's first step, and the update.
  package func clientUpdate(
    images: Value, labels: Value, labelForm: LabelForm, parameters: [Value], buffers: [Value],
    loss: ClientLoss = .meanCrossEntropy, training: LocalTraining?, mode: ForwardMode = .evaluation
  ) -> ClientGradient {
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
      training.follow(steps, from: parameters) { gradient($0, at: $1) }
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
  fileprivate func follow(
    _ steps: [[Int]], from parameters: [Value],
    gradient: (_ examples: [Int], _ weights: [Value]) -> ClientGradient
  ) -> ClientGradient {
    var weights = parameters
    var velocities: [Value] = []
    var first: ClientGradient?
    for step in steps {
      let result = gradient(step, weights)
      if first == nil { first = result }
      let decayed =
        weightDecay == 0
        ? result.gradients
        : zip(result.gradients, weights).map { $0 + $1 * weightDecay }
      velocities =
        velocities.isEmpty || momentum == 0
        ? decayed : zip(velocities, decayed).map { $0 * momentum + $1 }
      weights = zip(weights, velocities).map { $0 - $1 * learningRate }
    }
    guard let first else { preconditionFailure("a training without steps") }
    // With one step the difference would only add rounding to the gradient.
    let update =
      steps.count == 1
      ? velocities : zip(parameters, weights).map { ($0 - $1) / learningRate }
    return ClientGradient(logits: first.logits, loss: first.loss, gradients: update)
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

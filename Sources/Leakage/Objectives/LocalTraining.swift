import TensorGraph

/// What a client computes between the weights it receives and the update it shares: steps of
/// stochastic gradient descent on parts of its private batch (FedAvg: McMahan et al. 2017, algorithm 1;
/// PyTorch's `SGD` for momentum and weight decay).
public struct LocalTraining: Hashable, Sendable, Codable {
  /// Above 0.
  public let learningRate: Double
  /// 0 ..< 1.
  public let momentum: Double
  /// The L2 penalty's factor, 0 or more.
  public let weightDecay: Double
  /// Passes through the private batch.
  public let epochs: Int
  /// Examples that a step sees; the last step of an epoch may see fewer.
  public let miniBatchSize: Int
  /// For each step the positions in the private batch that it sees.
  public let steps: [[Int]]

  /// Steps through a batch in its order, `epochs` times.
  ///
  /// - Parameters:
  ///   - exampleCount: size N of the private batch.
  ///   - miniBatchSize: examples a step sees; the last step of an epoch takes what is left.
  /// - Throws: ``AttackError`` when a number is out of range.
  public init(
    exampleCount: Int, miniBatchSize: Int, epochs: Int = 1, learningRate: Double,
    momentum: Double = 0, weightDecay: Double = 0
  ) throws(AttackError) {
    guard learningRate > 0, learningRate.isFinite else {
      throw AttackError("the client's learning rate is \(learningRate); give a number above 0")
    }
    guard (0..<1).contains(momentum) else {
      throw AttackError("the client's momentum is \(momentum); give a number from 0 to below 1")
    }
    guard weightDecay >= 0, weightDecay.isFinite else {
      throw AttackError("the client's weight decay is \(weightDecay); give a number of 0 or more")
    }
    guard miniBatchSize >= 1, epochs >= 1, exampleCount >= 1 else {
      throw AttackError(
        "\(epochs) epochs of mini-batches of \(miniBatchSize) out of \(exampleCount) examples are "
          + "no training; give numbers of 1 or more")
    }
    let epoch = stride(from: 0, to: exampleCount, by: miniBatchSize).map {
      Array($0..<min($0 + miniBatchSize, exampleCount))
    }
    guard epoch.count * epochs <= LocalTraining.largestStepCount else {
      throw AttackError(
        "\(epoch.count * epochs) local steps are more than the \(LocalTraining.largestStepCount) that "
          + "can be followed; an attack differentiates through every one of them")
    }
    self.learningRate = learningRate
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.epochs = epochs
    self.miniBatchSize = min(miniBatchSize, exampleCount)
    steps = Array(repeating: epoch, count: epochs).flatMap { $0 }
  }

  /// Each step is part of one graph.
  static let largestStepCount = 200

  /// Whether the update is the gradient of the whole batch.
  public var isOneGradient: Bool { steps.count == 1 && weightDecay == 0 }

  /// Whether every step sees the whole batch, so that the examples' order does not matter.
  var isFullBatch: Bool { steps.allSatisfy { $0 == steps[0] } }
}

extension LocalTraining: CustomStringConvertible {
  /// For people and records, such as "4 local steps (2 epochs of mini-batches of 1), learning rate
  /// 0.1".
  public var description: String {
    let passes = epochs == 1 ? "1 epoch" : "\(epochs) epochs"
    var text =
      "\(steps.count) local step\(steps.count == 1 ? "" : "s") (\(passes) of mini-batches of "
      + "\(miniBatchSize)), learning rate \(learningRate)"
    if momentum > 0 { text += ", momentum \(momentum)" }
    if weightDecay > 0 { text += ", weight decay \(weightDecay)" }
    return text
  }
}

extension Model {
  /// The update of a client that trains for several steps, as values of the graph its inputs belong to:
  /// (weights before - weights after) / learning rate, which for one step without decay is the
  /// gradient.
  ///
  /// The whole training is in the graph, so that its derivatives follow every step (Geiping et al.
  /// 2020, section 5).
  ///
  /// - Parameters: as for ``clientGradient(images:labels:labelForm:parameters:buffers:loss:mode:)``;
  ///   without `training` the update is one gradient.
  /// - Returns: logits and loss of the first step, and the update.
  public func clientUpdate(
    images: Value, labels: Value, labelForm: LabelForm, parameters: [Value], buffers: [Value],
    loss: ClientLoss = .meanCrossEntropy, training: LocalTraining?, mode: ForwardMode = .evaluation
  ) -> ClientGradient {
    guard let training else {
      return clientGradient(
        images: images, labels: labels, labelForm: labelForm, parameters: parameters,
        buffers: buffers, loss: loss, mode: mode)
    }
    var weights = parameters
    var velocities: [Value] = []
    var first: ClientGradient?
    for step in training.steps {
      let result = clientGradient(
        images: images.examples(step), labels: labels.examples(step), labelForm: labelForm,
        parameters: weights, buffers: buffers, loss: loss, mode: mode)
      if first == nil { first = result }
      let decayed =
        training.weightDecay == 0
        ? result.gradients
        : zip(result.gradients, weights).map { $0 + $1 * training.weightDecay }
      velocities =
        velocities.isEmpty || training.momentum == 0
        ? decayed : zip(velocities, decayed).map { $0 * training.momentum + $1 }
      weights = zip(weights, velocities).map { $0 - $1 * training.learningRate }
    }
    guard let first else { preconditionFailure("a training without steps") }
    // With one step the difference would only add rounding to the gradient.
    let update =
      training.steps.count == 1
      ? velocities
      : zip(parameters, weights).map { ($0 - $1) / training.learningRate }
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

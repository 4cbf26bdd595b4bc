import Solvers

/// What clients compute between the weights they receive and the update that is shared: steps of an
/// optimiser on parts of a private batch, and with several clients the mean of their updates, weighted by
/// their numbers of examples (FedAvg: McMahan et al. 2017, algorithm 1).
///
/// Several clients' batches are laid one after another into one joint batch.
public struct LocalTraining: Hashable, Sendable {
  /// Above 0; what a schedule changes.
  public let learningRate: Double
  /// How a step is made of gradients.
  public let rule: StepRule
  /// Passes through the private batch.
  public let epochs: Int
  /// Examples in a mini-batch; the last one of an epoch may have fewer.
  public let miniBatchSize: Int
  /// For each client its mini-batches in order, and for each the positions in the joint batch that it
  /// holds. ``StepRule/accumulation`` of them make a step.
  public let clients: [[[Int]]]
  /// Whether the attacker knows the order in which the epochs after the first go through the batch; that
  /// of the first only gives the examples their numbers. True where it does not matter.
  public let isOrderKnown: Bool

  /// One client's steps through a batch in its order, `epochs` times.
  ///
  /// - Parameters:
  ///   - exampleCount: size N of the private batch.
  ///   - miniBatchSize: examples a step sees; the last step of an epoch takes what is left.
  /// - Throws: ``AttackError`` when a number is out of range.
  public init(
    exampleCount: Int, miniBatchSize: Int, epochs: Int = 1, learningRate: Double,
    by rule: StepRule = .plain, isOrderKnown: Bool = true
  ) throws(AttackError) {
    try self.init(
      clientSizes: [exampleCount], miniBatchSize: miniBatchSize, epochs: epochs,
      learningRate: learningRate, by: rule, isOrderKnown: isOrderKnown)
  }

  /// The same of several clients that start from the same weights, each with a batch of its own.
  ///
  /// - Parameter clientSizes: the number of examples that each client holds.
  /// - Throws: ``AttackError`` when a number is out of range.
  public init(
    clientSizes: [Int], miniBatchSize: Int, epochs: Int = 1, learningRate: Double,
    by rule: StepRule = .plain, isOrderKnown: Bool = true
  ) throws(AttackError) {
    guard learningRate > 0, learningRate.isFinite else {
      throw AttackError(
        "the client's learning rate is \(learningRate); give a number above 0", .badInput)
    }
    try rule.check()
    guard miniBatchSize >= 1, epochs >= 1, let largest = clientSizes.max(),
      clientSizes.allSatisfy({ $0 >= 1 })
    else {
      throw AttackError(
        "\(epochs) epochs of mini-batches of \(miniBatchSize) out of "
          + "\(clientSizes.map(String.init).joined(separator: " and ")) examples are no training; "
          + "give numbers of 1 or more", .badInput)
    }
    let count = clientSizes.reduce(0) { $0 + ($1 - 1) / miniBatchSize + 1 }
    let (total, overflows) = count.multipliedReportingOverflow(by: epochs)
    guard !overflows, total <= LocalTraining.largestStepCount else {
      throw AttackError(
        "\(overflows ? Int.max : total) local steps are more than the "
          + "\(LocalTraining.largestStepCount) that can be followed; an attack differentiates "
          + "through every one of them", .badInput)
    }
    for size in clientSizes where ((size - 1) / miniBatchSize + 1) % rule.accumulation != 0 {
      throw AttackError(
        "gradients of \(rule.accumulation) mini-batches make a step, and an epoch of \(size) examples has "
          + "\((size - 1) / miniBatchSize + 1); give a number that divides it", .badInput)
    }
    self.learningRate = learningRate
    self.rule = rule
    self.epochs = epochs
    self.miniBatchSize = min(miniBatchSize, largest)
    self.isOrderKnown = isOrderKnown || epochs == 1 || largest <= miniBatchSize
    var beginning = 0
    clients = clientSizes.map { size in
      let batch = beginning..<beginning + size
      beginning += size
      let epoch = stride(from: batch.lowerBound, to: batch.upperBound, by: miniBatchSize).map {
        Array($0..<min($0 + miniBatchSize, batch.upperBound))
      }
      return Array(repeating: epoch, count: epochs).flatMap { $0 }
    }
  }

  init(copying other: LocalTraining, clients: [[[Int]]], rule: StepRule? = nil) {
    learningRate = other.learningRate
    self.rule = rule ?? other.rule
    epochs = other.epochs
    miniBatchSize = other.miniBatchSize
    isOrderKnown = other.isOrderKnown
    self.clients = clients
  }

  /// Each step is part of one graph.
  static let largestStepCount = 200
}

extension LocalTraining {
  /// All clients' mini-batches, one client after another.
  public var steps: [[Int]] { clients.flatMap { $0 } }

  /// Steps that a client takes; the most, where their batches differ in size.
  public var stepsPerClient: Int { (clients.map(\.count).max() ?? 0) / rule.accumulation }

  /// The number of examples that each client holds.
  public var clientSizes: [Int] { clients.map { Set($0.joined()).count } }

  /// Whether every client shares one gradient of its whole batch.
  public var isOneStep: Bool { stepsPerClient == 1 && rule.isPlainAtFirst }

  /// Whether the update is the gradient of one client's whole batch.
  public var isOneGradient: Bool { isOneStep && clients.count == 1 }

  /// Whether every step sees the whole batch, so that the examples' order does not matter.
  package var isFullBatch: Bool { steps.allSatisfy { $0 == steps[0] } }

  /// Whether the update is the gradient of the joint batch: every client takes one step, the loss is a
  /// mean over examples, and no example's loss depends on the others in its client's batch.
  func isJointGradient(of model: Model, _ loss: ClientLoss, _ mode: ForwardMode) -> Bool {
    guard isOneStep else { return false }
    if clients.count == 1 { return true }
    return loss.reduction == .mean && loss.classWeights == nil
      && (mode == .evaluation || model.batchNormCount == 0)
  }

}

// MARK: - Variants

extension LocalTraining {
  private var exampleCount: Int { clientSizes.reduce(0, +) }

  /// The positions that each client holds in the joint batch.
  package var clientRanges: [Range<Int>] {
    var beginning = 0
    return clientSizes.map { size in
      defer { beginning += size }
      return beginning..<beginning + size
    }
  }

  /// Whether epochs go through several mini-batches more than once, so that another order gives another
  /// update.
  package var dependsOnOrder: Bool { epochs > 1 && stepsPerClient > epochs }

  /// `count` clients that each train like this one, on batches of the same size.
  ///
  /// - Throws: ``AttackError`` when these are too many steps.
  package func multiplied(by count: Int) throws(AttackError) -> LocalTraining {
    guard steps.count * count <= LocalTraining.largestStepCount else {
      throw AttackError(
        "\(steps.count * count) local steps of \(count) clients are more than the "
          + "\(LocalTraining.largestStepCount) that can be followed; take fewer clients or steps",
        .badInput)
    }
    let size = exampleCount
    return LocalTraining(
      copying: self,
      clients: (0..<count).flatMap { copy in clients.map { $0.shifted(by: { _ in copy * size }) } })
  }

  /// A client that goes through its batch in an order of its own in each epoch after the first.
  public func shuffled(using source: RandomSource) -> LocalTraining {
    LocalTraining(
      copying: self,
      clients: zip(clients, clientRanges).enumerated().map { index, client in
        let (steps, batch) = client
        var source = source.derive(index: index)
        let perEpoch = steps.count / epochs
        return (0..<epochs).flatMap { epoch -> [[Int]] in
          let order =
            epoch == 0 ? Array(0..<batch.count) : source.permutation(of: batch.count)
          return steps[epoch * perEpoch..<(epoch + 1) * perEpoch].map { step in
            step.map { batch.lowerBound + order[$0 - batch.lowerBound] }
          }
        }
      })
  }

  /// As the attacker knows it: without the order of the later epochs, where that is not known.
  var asKnown: LocalTraining {
    guard !isOrderKnown else { return self }
    return LocalTraining(
      copying: self,
      clients: clients.map { steps in
        let epoch = Array(steps[..<(steps.count / epochs)])
        return Array(repeating: epoch, count: epochs).flatMap { $0 }
      })
  }

  /// The same training on a batch of its own for each epoch, laid one after another.
  package func separatingEpochs() -> LocalTraining {
    let size = exampleCount
    return LocalTraining(
      copying: self,
      clients: clients.map { steps in
        steps.shifted { $0 / (steps.count / epochs) * size }
      })
  }
}

extension [[Int]] {
  /// Steps whose positions are moved by what `offset` gives for each step's index.
  fileprivate func shifted(by offset: (Int) -> Int) -> [[Int]] {
    enumerated().map { index, step in step.map { $0 + offset(index) } }
  }
}

extension LocalTraining: CustomStringConvertible {
  /// For people and records, such as "4 local steps (2 epochs of mini-batches of 1), learning rate
  /// 0.1".
  public var description: String {
    if isOneStep, clients.count > 1 { return "\(clientDescription), one gradient each" }
    let passes = epochs == 1 ? "1 epoch" : "\(epochs) epochs"
    var text = clients.count == 1 ? "" : "\(clientDescription): "
    text +=
      "\(stepsPerClient) local step\(stepsPerClient == 1 ? "" : "s") (\(passes) of mini-batches of "
      + "\(miniBatchSize)), learning rate \(learningRate)"
    let rule = rule.description
    if !rule.isEmpty { text += ", \(rule)" }
    if !isOrderKnown { text += ", each epoch in an order that is not known" }
    return text
  }

  /// Such as "the mean of 2 clients with 4 examples each".
  private var clientDescription: String {
    let sizes = clientSizes
    let isEven = sizes.allSatisfy { $0 == sizes[0] }
    let examples =
      isEven ? "\(sizes[0])" : sizes.map(String.init).joined(separator: ", ")
    return "the mean of \(sizes.count) clients with \(examples) "
      + "example\(isEven && sizes[0] == 1 ? "" : "s")\(isEven ? " each" : "")"
  }
}

import Clients
import ModelIO
import TensorGraph

/// What a kind of defence takes of the client that applies it. A client without it is refused before
/// anything runs: a defence that cannot act must not stand in a record.
public struct DefenceNeeds: Sendable {
  /// Why a client that holds no images cannot apply it, and what to use there. Only defences of the update
  /// can do without a reason: they can be applied to any, and the others to images alone.
  public var imagesOnly: Sentence?
  /// Why it is not followed through several local steps; nil where it acts on what they come to.
  public var oneStepOnly: String?
  /// Whether it can be applied to the mean of several clients' updates.
  public var worksOnAMean: Bool
  /// What it does to the gradient of each example alone, such as "clips"; nil where it takes none.
  public var singleExamples: String?
  /// Whether the model must end in a fully connected layer whose input is known.
  public var lastLayer: Bool
  /// Whether it takes what that layer reads.
  public var representation: Bool
  /// Whether it takes images of others.
  public var companions: Bool
  /// Whether it tells parameters by their names.
  public var parameterNames: Bool

  /// Nothing but what is given.
  public init(
    imagesOnly: Sentence? = nil, oneStepOnly: String? = nil, worksOnAMean: Bool = false,
    singleExamples: String? = nil, lastLayer: Bool = false, representation: Bool = false,
    companions: Bool = false, parameterNames: Bool = false
  ) {
    self.parameterNames = parameterNames
    self.imagesOnly = imagesOnly
    self.oneStepOnly = oneStepOnly
    self.worksOnAMean = worksOnAMean
    self.singleExamples = singleExamples
    self.lastLayer = lastLayer
    self.representation = representation
    self.companions = companions
  }

  static let updateInstead = "use a defence of the update, such as gaussian:1e-8 or prune:0.5"
}

extension DefenceDescriptor {
  /// Whether a client that holds such data can apply it, as far as the data tell.
  ///
  /// - Throws: ``AttackError`` with the reason, and what to do instead.
  package func check(data: DataKindName) throws(AttackError) {
    guard data != .pictures, let reason = imagesOnly else { return }
    throw AttackError(advising: "\(name) cannot be applied to \(data.rawValue): \(reason)")
  }

  /// Why a client that holds no images cannot apply it; nil where it can.
  fileprivate var imagesOnly: Sentence? {
    if let reason = needs.imagesOnly { return reason }
    switch stage {
    case .images: return "it changes pixels; \(DefenceNeeds.updateInstead)"
    case .model: return "it is simulated in models of images; \(DefenceNeeds.updateInstead)"
    case .update: return nil
    }
  }
}

/// A client as far as its defences depend on it.
public struct DefenceSetting: Sendable {
  /// What it holds.
  public var data: DataKindName
  /// The model of images that it trains, as the server has it before the defences change it; nil where
  /// that was looked at already.
  public var model: Model?
  /// The names of its parameters, where it trains no model of images.
  public var parameterNames: [String]?
  /// Examples in a client's batch.
  public var batchSize: Int
  /// Its local steps, or several clients'; nil for one gradient.
  public var training: LocalTraining?
  /// What it minimises.
  public var loss = ClientLoss.meanCrossEntropy
  /// How the model computed what is attacked; nil where nothing is, as in a price.
  public var mode: ForwardMode?
  /// Images of others at hand; see ``DefenceChain/needsCompanions``. Nil when that is not known yet.
  public var companionCount: Int?

  /// A client that computes one gradient of images, unless something else is said.
  public init(
    data: DataKindName = .pictures, model: Model? = nil, parameterNames: [String]? = nil,
    batchSize: Int,
    training: LocalTraining? = nil,
    loss: ClientLoss = .meanCrossEntropy, mode: ForwardMode? = nil,
    companionCount: Int? = nil
  ) {
    self.data = data
    self.model = model
    self.parameterNames = parameterNames
    self.batchSize = batchSize
    self.training = training
    self.loss = loss
    self.mode = mode
    self.companionCount = companionCount
  }
}

extension DefenceChain {
  /// Whether a client like this can apply every defence of the chain; to be asked before anything runs.
  ///
  /// - Throws: ``AttackError`` with the first defence that cannot act there, why, and what to do instead.
  public func check(for client: DefenceSetting) throws(AttackError) {
    for defence in defences {
      try defence.descriptor.check(data: client.data)
      if let training = client.training { try defence.check(training) }
      if let verb = defence.needs.singleExamples {
        try defence.checkSingleExamples(client, verb)
      }
      if let model = client.model { try defence.checkFit(model) }
      if let names = client.model?.parameters.map(\.name) ?? client.parameterNames {
        try defence.check(parameterNames: names)
      }
    }
    guard let count = client.companionCount else { return }
    // Images of others are drawn in the order of the chain, the mixed ones from the batch as well.
    for case let defence as any ImageDefence in defences {
      try defence.checkCompanions(count, batchSize: client.batchSize)
    }
  }
}

extension Defence {
  fileprivate func check(_ training: LocalTraining) throws(AttackError) {
    if training.clients.count > 1, !needs.worksOnAMean {
      if clientCount > 1 {
        throw AttackError(
          "\(name) adds other clients to one client's update, and this is the mean of "
            + "several already; leave one of them out")
      }
      throw AttackError(
        "of the mean of several clients only noise is simulated, not \(name); write "
          + "gaussian or laplacian, or take one client")
    }
    if !training.isOneStep, let reason = needs.oneStepOnly {
      throw AttackError(
        "\(reason), which is not followed through \(training.stepsPerClient) local steps; simulate "
          + "one step, or another defence")
    }
  }

  fileprivate func checkSingleExamples(
    _ client: DefenceSetting, _ verb: String
  ) throws(AttackError) {
    guard client.batchSize > 1 else { return }
    if client.loss.classWeights != nil, client.loss.reduction == .mean {
      throw AttackError(
        "a mean weighted by class is no mean of single examples' losses, whose gradients "
          + "\(name) \(verb); leave out the class weights, or sum the losses")
    }
    if let model = client.model, client.mode == .training, model.batchNormCount > 0 {
      throw AttackError(
        "batch norm in training mode mixes a batch's examples, whose gradients \(name) \(verb) "
          + "one by one, and no attack follows that; take a model without it, or evaluation mode")
    }
  }

  /// - Throws: ``AttackError`` when the model lacks what the defence acts on.
  func checkFit(_ model: Model) throws(AttackError) {
    if needs.lastLayer, !model.readsOneRowPerImage {
      throw AttackError(
        "\(name) needs a fully connected layer at the model's end, and \(model.name) has none "
          + "whose input is known; use another defence")
    }
    if stage == .images, model.labelPositions.rank > 0 {
      throw AttackError(
        "\(name) changes or mixes pictures, and \(model.name) labels their pixels, whose masks would have "
          + "to follow; use a defence of the update")
    }
    try check(model)
  }
}

extension Model {
  /// Whether it ends in a fully connected layer that reads one row of known features for each image.
  var readsOneRowPerImage: Bool {
    guard hasKnownFeatures else { return false }
    let builder = GraphBuilder()
    let input = builder.input("images", probeShape, .f32)
    let values = (parameters + buffers).map { builder.input($0.name, $0.shape, .f32) }
    let features = trace(
      input, parameters: Array(values.prefix(parameters.count)),
      buffers: Array(values.dropFirst(parameters.count)), mode: .evaluation
    ).features
    return features?.shape.rank == 2
  }
}

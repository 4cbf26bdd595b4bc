import TensorGraph

/// What one defence takes of the client that applies it. A client without it is refused before anything
/// runs: a defence that cannot act must not stand in a record.
struct DefenceNeeds {
  /// Why only a client that holds images can apply it, and what to use on texts; nil where any can.
  var imagesOnly: String?
  /// Why it is not followed through several local steps; nil where it acts on what they come to.
  var oneStepOnly: String?
  /// Whether it can be applied to the mean of several clients' updates.
  var worksOnAMean = false
  /// Whether it takes the gradient of each example alone.
  var singleExamples = false
  /// Whether the model must end in a fully connected layer whose input is known.
  var lastLayer = false
}

extension Defence {
  /// The one place that says what each defence needs.
  var needs: DefenceNeeds {
    let updateInstead = "use a defence of the update, such as gaussian:1e-8 or prune:0.5"
    switch self {
    case .gaussian, .laplacian: return DefenceNeeds(worksOnAMean: true)
    case .prune, .topK, .randomK, .deepGradientCompression, .rounding, .int8, .qsgd, .ternGrad,
      .signSGD, .clip, .freeze:
      return DefenceNeeds()
    case .dpSGD:
      return DefenceNeeds(
        oneStepOnly: "DP-SGD clips the gradients of single examples in each step",
        singleExamples: true)
    case .soteria:
      return DefenceNeeds(
        imagesOnly: "it scores features by the pixels behind them; " + updateInstead,
        oneStepOnly: "Soteria hides features of the gradient of one step", lastLayer: true)
    case .adapters:
      return DefenceNeeds(
        imagesOnly: "it adapts models of images here; for a language model write --lora RANK")
    case .bottleneck:
      return DefenceNeeds(
        imagesOnly: "it is simulated in models of images; " + updateInstead,
        oneStepOnly: "PRECODE draws new noise in each step", lastLayer: true)
    case .transform:
      return DefenceNeeds(imagesOnly: "it changes pixels; " + updateInstead)
    case .mixup, .instaHide:
      return DefenceNeeds(imagesOnly: "it mixes pixels; " + updateInstead)
    case .secureAggregation:
      return DefenceNeeds(
        imagesOnly: "it is simulated with other clients' images; give the texts of "
          + "all clients as one batch with --batch-size, whose gradient is what their sum comes to")
    }
  }
}

/// A client as far as its defences depend on it.
public struct DefenceSetting: Sendable {
  /// What a client holds.
  public enum Data: Sendable {
    case images
    case texts
  }

  public var data: Data
  /// The model of images that it trains, as the server has it before the defences change it; nil where
  /// that was looked at already.
  public var model: Model?
  /// Examples in a client's batch.
  public var batchSize: Int
  /// Its local steps, or several clients'; nil for one gradient.
  public var training: LocalTraining?
  public var loss = ClientLoss.meanCrossEntropy
  /// How the model computed what is attacked; nil where nothing is, as in a price.
  public var mode: ForwardMode?
  /// Images of others at hand; see ``DefenceChain/needsCompanions``. Nil when that is not known yet.
  public var companionCount: Int?

  public init(
    data: Data = .images, model: Model? = nil, batchSize: Int, training: LocalTraining? = nil,
    loss: ClientLoss = .meanCrossEntropy, mode: ForwardMode? = nil,
    companionCount: Int? = nil
  ) {
    self.data = data
    self.model = model
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
      let needs = defence.needs
      if client.data == .texts, let reason = needs.imagesOnly {
        throw AttackError("\(defence.name) cannot be applied to texts: \(reason)")
      }
      try checkTraining(client.training, defence, needs)
      if needs.singleExamples { try DefenceChain.checkSingleExamples(client, defence) }
      if let model = client.model { try DefenceChain.check(model, defence) }
    }
    try checkCompanions(client)
  }

  private func checkTraining(
    _ training: LocalTraining?, _ defence: Defence, _ needs: DefenceNeeds
  ) throws(AttackError) {
    guard let training else { return }
    if training.clients.count > 1, !needs.worksOnAMean {
      if case .secureAggregation = defence {
        throw AttackError(
          "secure-aggregation adds other clients to one client's update, and this is the mean of "
            + "several already; leave one of them out")
      }
      throw AttackError(
        "of the mean of several clients only noise is simulated, not \(defence.name); write "
          + "gaussian or laplacian, or take one client")
    }
    if !training.isOneStep, let reason = needs.oneStepOnly {
      throw AttackError(
        "\(reason), which is not followed through \(training.stepsPerClient) local steps; simulate "
          + "one step, or another defence")
    }
  }

  private static func checkSingleExamples(
    _ client: DefenceSetting, _ defence: Defence
  ) throws(AttackError) {
    guard client.batchSize > 1 else { return }
    if client.loss.classWeights != nil, client.loss.reduction == .mean {
      throw AttackError(
        "a mean weighted by class is no mean of single examples' losses, whose gradients "
          + "\(defence.name) clips; leave out the class weights, or sum the losses")
    }
    if let model = client.model, client.mode == .training, model.batchNormCount > 0 {
      throw AttackError(
        "batch norm in training mode mixes a batch's examples, whose gradients \(defence.name) clips "
          + "one by one, and no attack follows that; take a model without it, or evaluation mode")
    }
  }

  /// - Throws: ``AttackError`` when the model lacks what the defence acts on.
  static func check(_ model: Model, _ defence: Defence) throws(AttackError) {
    if defence.needs.lastLayer, !model.readsOneRowPerImage {
      throw AttackError(
        "\(defence.name) needs a fully connected layer at the model's end, and \(model.name) has none "
          + "whose input is known; use another defence")
    }
    switch defence {
    case .bottleneck where model.probeBatchSize != 1 || model.bottleneck != nil:
      throw AttackError(
        "precode goes into models that take any batch and have no such layer yet, and \(model.name) "
          + "is none; use another defence")
    case .adapters where !model.parameters.contains { $0.shape.rank >= 2 }:
      throw AttackError(
        "lora adapts weights of two or more axes, and \(model.name) has none; use another defence")
    case .freeze where model.parameters.count < 2:
      throw AttackError(
        "freeze always leaves one tensor to train, and \(model.name) has no other; use another "
          + "defence")
    default: break
    }
  }

  /// Images of others are drawn in the order of the chain, the mixed ones from the batch as well.
  private func checkCompanions(_ client: DefenceSetting) throws(AttackError) {
    guard let count = client.companionCount else { return }
    for defence in defences {
      switch defence {
      case .mixup where client.batchSize == 1:
        try EncodedBatch.checkPartners(1, of: count)
      case .instaHide(let mixed):
        try EncodedBatch.checkPartners(mixed - 1, of: client.batchSize - 1 + count)
      case .secureAggregation(let clients):
        try EncodedBatch.checkOthers((clients - 1) * client.batchSize, of: count)
      default: break
      }
    }
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

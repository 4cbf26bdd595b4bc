import Clients
import Solvers
import TensorGraph

/// What a client has in one round besides its update, as far as defences of the update ask.
public struct ClientRound: Sendable {
  /// Examples in its batch.
  public let batchSize: Int
  /// How its loss joins them.
  public let reduction: LossReduction
  /// Its local steps; nil for one gradient, whose learning rate nobody asked for.
  public let training: LocalTraining?
  /// The name of each tensor of the update; empty where nobody gave them.
  public let names: [String]
  /// The gradient of each example, one tensor per parameter; empty unless a defence of the chain takes
  /// them (``DefenceNeeds/singleExamples``).
  public let examples: [[Tensor]]
  /// Where a defence of the chain takes it (``DefenceNeeds/representation``).
  public let representation: Representation?
  /// The random numbers of this defence in this round.
  public var source: RandomSource
}

/// A client's defences with what they keep from round to round: what its updates go through.
///
/// The same seed and the same updates give the same result.
public struct DefencePipeline: Sendable {
  /// What it applies.
  public let chain: DefenceChain
  private let source: RandomSource
  private var round = 0
  /// Those of the chain, with what they remember.
  private var defences: [any Defence]

  /// - Parameter seed: of all that is random in the defences.
  public init(_ chain: DefenceChain, seed: UInt64) {
    self.chain = chain
    defences = chain.defences
    source = RandomSource(seed: seed).derive(label: "defence")
  }

  /// The random numbers of one of the chain's defences in this round.
  func source(of index: Int) -> RandomSource {
    source.derive(index: round).derive(index: index)
  }

  /// Applies what of the chain acts on updates to the gradient of one round.
  ///
  /// - Parameters:
  ///   - gradients: one tensor per parameter, floating-point: the mean over the batch.
  ///   - batchSize: number of examples in the batch.
  ///   - loss: the client's.
  ///   - training: the local steps behind `gradients`, which are their update then.
  ///   - examples: the gradient of each example, where ``DefenceChain/needsExampleGradients``; else unused.
  ///   - names: the parameters' names, where ``DefenceChain/needsParameterNames``; else unused.
  public mutating func apply(
    _ gradients: [Tensor], batchSize: Int, loss: ClientLoss = .meanCrossEntropy,
    training: LocalTraining? = nil, examples: [[Tensor]] = [], names: [String] = []
  ) -> DefendedUpdate {
    apply(
      gradients, batchSize: batchSize, loss: loss, training: training, examples: examples,
      names: names, representation: nil)
  }

  /// - Parameter representation: where the chain needs it.
  mutating func apply(
    _ gradients: [Tensor], batchSize: Int, loss: ClientLoss, training: LocalTraining?,
    examples: [[Tensor]], names: [String], representation: Representation?
  ) -> DefendedUpdate {
    precondition(
      !chain.needsParameterNames || names.count == gradients.count,
      "\(chain) needs the names of \(gradients.count) parameters, not of \(names.count)")
    precondition(
      !chain.needsRepresentation || representation != nil, "\(chain) needs the representation")
    precondition(
      !chain.needsExampleGradients || examples.count == batchSize,
      "\(chain) needs the gradients of \(batchSize) examples, not of \(examples.count)")
    var transit = UpdateInTransit(gradients)
    let plainBytes = transit.wireByteCount
    for index in defences.indices {
      guard var defence = defences[index] as? any UpdateDefence else { continue }
      var client = ClientRound(
        batchSize: batchSize, reduction: loss.reduction, training: training, names: names,
        examples: examples,
        representation: representation, source: source(of: index))
      defence.apply(to: &transit, in: &client)
      defences[index] = defence
    }
    round += 1
    return DefendedUpdate(
      update: SharedUpdate(
        gradients: transit.parts.map(\.tensor), batchSize: batchSize, loss: loss,
        training: training,
        sharedParameters: transit.parts.indices.filter { !transit.parts[$0].isWithheld }),
      wireByteCount: transit.wireByteCount, plainByteCount: plainBytes,
      counterAttack: CounterAttack(
        transit, hasMixedLabels: chain.mixesImages, readsNoise: chain.readsNoise),
      noiseVariances: transit.parts.map(\.noiseVariance))
  }

  /// What the client feeds to its model in place of a private batch in this round.
  ///
  /// - Parameters:
  ///   - images: [N, C, H, W], values in 0...1.
  ///   - labels: N class indices, or as many for each image as the model gives, where no defence of images acts.
  ///   - classCount: how many labels there are; those of companions are taken modulo it.
  ///   - companions: the client's or the public's other images, and other clients'; used in their
  ///     order, cyclically.
  /// - Throws: ``AttackError`` when a defence needs more other images than there are.
  public func encode(
    images: Tensor, labels: [Int], classCount: Int, companions: [Companion] = []
  ) throws(AttackError) -> EncodedBatch {
    var batch = EncodedBatch(
      images: images, shares: labels.map { oneHot($0, classCount) }, encodings: nil)
    var earlier: [any ImageDefence] = []
    for (index, defence) in chain.defences.enumerated() {
      guard let defence = defence as? any ImageDefence else { continue }
      var client = EncodingRound(
        classCount: classCount, companions: companions, earlier: earlier,
        source: source(of: index))
      try defence.apply(to: &batch, in: &client)
      earlier.append(defence)
      if defence.clientCount == 1 {
        batch.encodings = Array(unstacked(batch.images).prefix(labels.count))
      }
    }
    return batch
  }

  /// The model with the noise that the client draws in this round.
  func drawingNoise(for model: WeightedModel) -> WeightedModel {
    var model = model
    for (index, defence) in chain.defences.enumerated() {
      guard let defence = defence as? any ModelDefence else { continue }
      var source = source(of: index)
      model = defence.drawingNoise(for: model, using: &source)
    }
    return model
  }
}

/// What a defended client shares, its size, and what an attacker makes of knowing the defence.
public struct DefendedUpdate: Sendable {
  /// What was not sent is 0 in it.
  public let update: SharedUpdate
  /// Bytes of the message that carries it.
  public let wireByteCount: Int
  /// Bytes of the undefended update in f32.
  public let plainByteCount: Int
  /// The published answer to the defence.
  public let counterAttack: CounterAttack
  /// For each tensor the mean squared error of its numbers, as far as the defences' public form tells.
  public let noiseVariances: [Double]
  /// What was fed to the model in each private image's place, [C, H, W]; nil when that is the image.
  public internal(set) var encodings: [Tensor]?
  /// The class of each image behind the update, others' included; nil when some are of several.
  public internal(set) var labels: [Int]?
  /// The client's loss on what its model saw, before its first step; nil where only the update is known.
  public internal(set) var clientLoss: Double?
}

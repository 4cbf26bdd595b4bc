import TensorGraph

/// A client's defences with what they keep from round to round: what its updates go through.
///
/// The same seed and the same updates give the same result.
public struct DefencePipeline: Sendable {
  public let chain: DefenceChain
  private let source: RandomSource
  private var round = 0
  /// For each deep gradient compression of the chain, by its index.
  private var memories: [Int: CompressionMemory] = [:]

  public init(_ chain: DefenceChain, seed: UInt64) {
    self.chain = chain
    source = RandomSource(seed: seed).derive(label: "defence")
  }

  /// Whether the gradients of single examples are needed.
  public var needsExampleGradients: Bool {
    chain.defences.contains { $0.needs.singleExamples }
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
  ///   - examples: the gradient of each example, where ``needsExampleGradients``; else unused.
  public mutating func apply(
    _ gradients: [Tensor], batchSize: Int, loss: ClientLoss = .meanCrossEntropy,
    training: LocalTraining? = nil, examples: [[Tensor]] = []
  ) -> DefendedUpdate {
    apply(
      gradients, batchSize: batchSize, loss: loss, training: training, examples: examples,
      representation: nil)
  }

  /// - Parameter representation: where the chain needs it.
  mutating func apply(
    _ gradients: [Tensor], batchSize: Int, loss: ClientLoss = .meanCrossEntropy,
    training: LocalTraining? = nil, examples: [[Tensor]] = [], representation: Representation?
  ) -> DefendedUpdate {
    precondition(
      !chain.needsRepresentation || representation != nil, "\(chain) needs the representation")
    precondition(
      !needsExampleGradients || examples.count == batchSize,
      "\(chain) needs the gradients of \(batchSize) examples, not of \(examples.count)")
    var transit = UpdateInTransit(gradients)
    let plainBytes = transit.wireByteCount
    for (index, defence) in chain.defences.enumerated() {
      var source = source(of: index)
      apply(
        defence, at: index, to: &transit, batchSize, loss.reduction, examples, representation,
        &source)
    }
    round += 1
    return DefendedUpdate(
      update: SharedUpdate(
        gradients: transit.parts.map(\.tensor), batchSize: batchSize, loss: loss,
        training: training,
        sharedParameters: transit.parts.indices.filter { !transit.parts[$0].isWithheld }),
      wireByteCount: transit.wireByteCount, plainByteCount: plainBytes,
      counterAttack: CounterAttack(
        transit, hasMixedLabels: chain.mixesLabels,
        readsNoise: chain.bottleneckSize != nil),
      noiseVariances: transit.parts.map(\.noiseVariance))
  }

  private mutating func apply(
    _ defence: Defence, at index: Int, to transit: inout UpdateInTransit, _ batchSize: Int,
    _ reduction: LossReduction, _ examples: [[Tensor]], _ representation: Representation?,
    _ source: inout RandomSource
  ) {
    switch defence {
    case .gaussian(let variance):
      transit.addGaussianNoise(variance: variance, using: &source)
    case .laplacian(let variance):
      transit.addLaplacianNoise(variance: variance, using: &source)
    case .prune(let share):
      transit.prune(share: share)
    case .topK(let share):
      transit.keepLargest(share: share)
    case .randomK(let share):
      transit.keepRandom(share: share, using: &source)
    case .deepGradientCompression(let share, let momentum):
      var memory = memories[index] ?? CompressionMemory()
      let sent = memory.compress(
        transit.parts.map { $0.tensor.doubles }, share: share, momentum: momentum)
      memories[index] = memory
      for (part, sent) in sent.enumerated() where !transit.parts[part].isWithheld {
        transit.setPart(part, positions: sent.positions, values: sent.values)
      }
      transit.wire.setSparse(isSeeded: false)
    case .rounding(let format):
      transit.round(to: format)
    case .int8(let isStochastic):
      transit.quantizeToInt8(isStochastic: isStochastic, using: &source)
    case .qsgd(let levels):
      transit.quantizeByNorm(levels: levels, using: &source)
    case .ternGrad:
      transit.ternarize(using: &source)
    case .signSGD:
      transit.takeSigns()
    case .clip(let norm):
      transit.clip(norm: norm)
    case .dpSGD(let norm, let noiseMultiplier):
      let (mean, wasClipped) = DefencePipeline.clippedMean(
        examples.map { $0.map(\.doubles) }, norm: norm, noiseMultiplier: noiseMultiplier,
        using: &source)
      for (part, values) in mean.enumerated() {
        transit.setPart(part, positions: nil, values: values)
      }
      let deviation = noiseMultiplier * norm / Double(batchSize)
      transit.changeParts { $0.noiseVariance = deviation * deviation }
      if reduction == .sum { transit.multiply(by: Double(batchSize)) }
      if wasClipped { transit.scale = .lostTogether }
    case .freeze(let tensors):
      // Something is always trained.
      for part in 0..<min(tensors, transit.parts.count - 1) { transit.withhold(part) }
    case .soteria(let share):
      if let representation { transit.hideRepresentation(representation, share: share) }
    case .adapters, .bottleneck, .transform, .mixup, .instaHide, .secureAggregation:
      // Done before there was an update.
      break
    }
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

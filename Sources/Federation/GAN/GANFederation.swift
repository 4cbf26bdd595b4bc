import Clients
import Solvers
import TensorGraph

/// A federation in one process with a malicious client: all clients' local training and the server's mean are those of
/// ``LocalTrainer`` and ``ParameterVector``, without messages between them.
///
/// The first client is the victim, which alone has the target class; the last is malicious (Hitaj et al. 2017,
/// arXiv 1702.07464, algorithm 1). It never sees another client's share: the shared model is all that it learns from.
package final class GANFederation {
  private let settings: FederationSettings
  private let attack: GANSettings
  private let vector: ParameterVector
  private let shards: [TrainingSet]
  private let gradients: PictureGradients
  private let generator: GeneratorTraining
  private let artificialClass: Int
  /// The shared model's, in f32.
  package private(set) var weights: [Tensor]

  /// - Parameters:
  ///   - weighted: the model before training.
  ///   - shards: each client's private pictures, the victim's first and the malicious client's last; 2 or more.
  /// - Throws: ``AttackError`` when the backend cannot run the model.
  package init(
    _ weighted: WeightedModel, _ settings: FederationSettings, _ attack: GANSettings,
    shards: [TrainingSet], backend: any Backend
  ) throws(AttackError) {
    precondition(shards.count >= 2, "\(shards.count) clients are no victim and malicious client")
    self.settings = settings
    self.attack = attack
    self.shards = shards
    vector = ParameterVector(weighted.model)
    gradients = PictureGradients(weighted, backend: backend)
    generator = try GeneratorTraining(weighted, attack, seed: settings.seed, backend: backend)
    artificialClass = GANSettings.artificialClass(weighted.model)
    weights = weighted.parameters.map { $0.converted(to: .f32) }
  }

  private var malicious: Int { shards.count - 1 }

  /// Trains a round: the malicious client first its generator, then all clients the model.
  ///
  /// - Parameter number: from 0.
  /// - Throws: ``AttackError`` when the backend fails.
  package func round(_ number: Int) throws(AttackError) -> GeneratorTraining.Progress {
    var shares: [(tensors: [Tensor], examples: Int)] = []
    for client in 0..<malicious {
      let share = try self.share(plan(number, client), of: shards[client])
      shares.append((share.tensors, share.examples.count))
    }
    let (progress, set) = try adversarialBatch(number)
    let share = try self.share(Array(0..<set.count), of: set)
    shares.append((share.tensors, share.examples.count))
    weights = vector.next(weights, mean: vector.mean(shares), settings)
    return progress
  }

  /// The generator's pictures.
  ///
  /// - Throws: ``AttackError`` when the backend fails.
  package func samples(_ count: Int) throws(AttackError) -> TrainingSet {
    try generator.pictures(count, label: attack.targetClass)
  }

  /// What a server sees of the victim when it takes one step on one of its pictures (FedSGD), at the weights as they
  /// are.
  ///
  /// - Parameters:
  ///   - position: of the picture in the victim's shard.
  ///   - round: that it is filed under.
  /// - Throws: ``AttackError`` when the backend fails.
  package func tap(ofVictims position: Int, round: Int) throws(AttackError) -> RoundTap {
    var settings = settings
    settings.epochs = nil
    let share = try LocalTrainer.share(
      [position], of: PictureShard(gradients, shards[0]), settings, weights: weights)
    var tap = RoundTap(round: round, before: weights)
    tap.batches[0] = RoundTap.Batch(
      images: shards[0].images([position]), labels: [shards[0].labels[position]])
    tap.shares[0] = share.tensors
    tap.inClear = [0]
    return tap
  }

  /// Trains the generator against the model as it is, and mixes the malicious client's own examples of the round with
  /// fakes of the artificial class (algorithm 1, "inject").
  func adversarialBatch(
    _ number: Int
  ) throws(AttackError) -> (progress: GeneratorTraining.Progress, set: TrainingSet) {
    let progress = try generator.train(steps: attack.generatorSteps, against: weights)
    let own = shards[malicious].choosing(plan(number, malicious))
    guard attack.fakes > 0 else { return (progress, own) }
    let fakes = try generator.pictures(attack.fakes, label: artificialClass)
    let mixed = TrainingSet(
      shape: own.shape, pixels: own.pixels + fakes.pixels, labels: own.labels + fakes.labels)
    var source = RandomSource(seed: settings.seed).derive(label: "fakes").derive(index: number)
    return (progress, mixed.choosing(source.permutation(of: mixed.count)))
  }

  func share(_ examples: [Int], of shard: TrainingSet) throws(AttackError) -> LocalTrainer.Share {
    try LocalTrainer.share(
      examples, of: PictureShard(gradients, shard), settings, weights: weights)
  }

  private func plan(_ number: Int, _ client: Int) -> [Int] {
    RoundPlan(settings, round: number).examples(of: client, count: shards[client].count)
  }
}

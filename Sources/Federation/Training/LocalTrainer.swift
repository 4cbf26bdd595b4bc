import Clients
import TensorGraph

/// A worker's own training: from the weights that it got to what it shares.
package final class LocalTrainer {
  private let settings: FederationSettings
  private let shard: any PrivateShard

  /// What a worker shares in a round.
  package struct Share: Sendable {
    /// One for each parameter: a gradient, or the weights after the local steps; in f32.
    package let tensors: [Tensor]
    /// Positions in the worker's shard, in the order of its steps.
    package let examples: [Int]
    /// The mean loss of the first step.
    package let loss: Double
  }

  /// - Parameter shard: the worker's private examples.
  package init(_ settings: FederationSettings, shard: any PrivateShard) {
    self.settings = settings
    self.shard = shard
  }

  /// - Parameters:
  ///   - weighted: the model; of its weights the buffers alone count.
  ///   - shard: the worker's private pictures.
  package convenience init(
    _ weighted: WeightedModel, _ settings: FederationSettings, shard: TrainingSet,
    backend: any Backend
  ) {
    self.init(
      settings, shard: PictureShard(PictureGradients(weighted, backend: backend), shard))
  }

  /// Trains on the round's examples.
  ///
  /// - Parameter weights: one f32 tensor for each parameter.
  /// - Throws: ``AttackError`` when the backend cannot run the model.
  package func share(
    worker: Int, round: Int, weights: [Tensor]
  ) throws(AttackError) -> Share {
    try LocalTrainer.share(
      RoundPlan(settings, round: round).examples(of: worker, count: shard.count), of: shard,
      settings, weights: weights)
  }

  /// Trains on some of a shard's examples.
  ///
  /// - Parameters:
  ///   - examples: positions in the shard, in the order of the steps; one or more.
  ///   - weights: one f32 tensor for each parameter.
  /// - Throws: ``AttackError`` when the backend cannot run the model.
  package static func share(
    _ examples: [Int], of shard: any PrivateShard, _ settings: FederationSettings, weights: [Tensor]
  ) throws(AttackError) -> Share {
    guard let epochs = settings.epochs else {
      let (gradient, loss) = try shard.gradient(examples, at: weights)
      return Share(tensors: gradient, examples: examples, loss: loss)
    }
    let training = try LocalTraining(
      exampleCount: 1, miniBatchSize: 1, learningRate: settings.learningRate)
    var steps = ClientSteps(training, from: weights.map { PlainNumbers($0.doubles) })
    var (current, first) = (weights, Double?.none)
    let size = settings.miniBatch ?? examples.count
    for _ in 0..<epochs {
      for start in stride(from: 0, to: examples.count, by: size) {
        let batch = Array(examples[start..<min(start + size, examples.count)])
        let (gradient, loss) = try shard.gradient(batch, at: current)
        first = first ?? loss
        steps.step([gradient.map { PlainNumbers($0.doubles) }])
        // Weights are kept in f32, as PyTorch keeps them.
        current = zip(weights, steps.weights).map { Tensor($0.shape, .f32, $1.elements) }
        steps.weights = current.map { PlainNumbers($0.doubles) }
      }
    }
    return Share(tensors: current, examples: examples, loss: first ?? .nan)
  }

  /// What the study is told of a share.
  ///
  /// - Parameter isTapped: whether it is told of the private batch.
  func report(_ share: Share, isTapped: Bool) -> StudyReport {
    var report = StudyReport(loss: share.loss, examples: share.examples.count)
    if isTapped { report.batch = batch(share) }
    return report
  }

  /// The private batch behind a share, for the study alone.
  package func batch(_ share: Share) -> RoundTap.Batch { shard.batch(share.examples) }

  /// Examples that it takes in a round.
  var exampleCount: Int { min(settings.batchSize, shard.count) }
}

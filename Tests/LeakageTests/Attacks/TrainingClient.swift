import TensorGraph

@testable import Attacks
@testable import Clients

/// A client that trains on its batch, as attacks on local steps meet it.
struct TrainingClient {
  let weighted: WeightedModel
  let images: Tensor
  let labels: [Int]
  let update: SharedUpdate
  /// Of each attack.
  let trials: Int

  /// - Parameters:
  ///   - images: [N, 3, 8, 8]; nil for those of ``Model/fixtureBatch(_:)``.
  ///   - miniBatch: nil for the whole batch.
  init(
    _ model: Model, images: Tensor? = nil, labels: [Int], miniBatch: Int?, epochs: Int,
    rate: Double,
    by rule: StepRule, trials: Int
  ) throws {
    self.trials = trials
    self.labels = labels
    self.images = images ?? model.fixtureBatch(labels.count).images
    weighted = WeightedModel(untrained: model, seed: 0)
    update = try weighted.share(
      images: self.images, labels: labels,
      training: LocalTraining(
        exampleCount: labels.count, miniBatchSize: miniBatch ?? labels.count, epochs: epochs,
        learningRate: rate, by: rule),
      backend: AttackedClient.backend)
  }

  func attack(
    _ kind: AttackName, knownLabels: [Int]? = nil,
    _ change: (inout AttackConfiguration) -> Void = { _ in }
  ) throws -> AttackResult {
    var configuration = AttackConfiguration(attack: kind, trials: trials, snapshots: 0)
    change(&configuration)
    return try AttackProblem(
      weighted, update: update, configuration: configuration, knownLabels: knownLabels,
      backend: AttackedClient.backend
    ).run()
  }

  /// In dB, of the whole batch, matched to the originals.
  func psnr(of result: AttackResult) -> Double {
    func examples(_ tensor: Tensor) -> [Tensor] {
      let size = tensor.shape.elementCount / labels.count
      return labels.indices.map {
        Tensor([3, 8, 8], .f64(Array(tensor.doubles[$0 * size..<($0 + 1) * size])))
      }
    }
    let (found, originals) = (examples(result.images), examples(images))
    let order = matchBatch(reconstructions: found, originals: originals)
    let errors = originals.indices.map {
      ImageMetrics.meanSquaredError(found[order[$0]], originals[$0])
    }
    return ImageMetrics.peakSignalToNoiseRatio(
      meanSquaredError: errors.reduce(0, +) / Double(errors.count))
  }
}

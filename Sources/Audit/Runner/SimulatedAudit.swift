import Leakage
import ModelIO
import TensorGraph

/// Plays both sides: a client that shares the gradient of a private batch, and the attacker who gets
/// it, on a model with given weights.
public struct SimulatedAudit: Sendable {
  /// One run: its record, and what pictures are drawn from.
  public struct Outcome: Sendable {
    public let record: RunRecord
    public let timing: RunTiming
    /// The private images [C, H, W], in the client's order.
    public let originals: [Tensor]
    /// For each original its reconstruction [C, H, W], clamped to 0...1.
    public let reconstructions: [Tensor]
    /// For each original the best trial on the way, at most as many as asked for.
    public let frames: [[Frame]]
    public let wasInterrupted: Bool
  }

  /// A reconstruction of one image at some iteration of the best trial.
  public struct Frame: Sendable {
    public let iteration: Int
    public let matchingLoss: Double
    /// [C, H, W], clamped to 0...1.
    public let image: Tensor
  }

  private let weighted: WeightedModel
  private let modelSummary: ModelSummary
  private let backend: any Backend

  /// - Parameter weights: how the weights came about, for the record.
  public init(
    _ weighted: WeightedModel, activation: String, weights: String, backend: any Backend
  ) {
    self.weighted = weighted
    self.backend = backend
    let model = weighted.model
    modelSummary = ModelSummary(
      name: model.name, activation: activation, inputShape: model.inputShape.dimensions,
      classCount: model.classCount, parameterCount: model.parameterCount, weights: weights,
      fingerprint: Fingerprint.of(
        Array(
          zip(
            (model.parameters + model.buffers).map(\.name), weighted.parameters + weighted.buffers)
        )))
  }

  /// Shares the gradient of `batch` and attacks it.
  ///
  /// - Parameter observe: called after every iteration of a search with the progress and the mean
  ///   PSNR in dB over the batch, which the simulated attacker cannot see; measured only if asked for.
  /// - Throws: ``AttackError`` when the attack does not apply.
  public func run(
    _ batch: [PrivateExample], configuration: AttackConfiguration,
    observe: (AttackProgress, () -> Double) -> SolverDecision = { _, _ in .proceed }
  ) throws(AttackError) -> Outcome {
    let originals = batch.map(\.image)
    let dtype = configuration.precision.dtype
    let update = try weighted.share(
      images: stacked(originals).converted(to: dtype), labels: batch.map(\.label),
      backend: backend)
    let inversion = try GradientInversion(
      weighted, update: update, configuration: configuration, backend: backend)
    let result = try inversion.run { progress, images in
      observe(progress) { meanPSNR(of: images(), originals) }
    }
    return outcome(result, batch, update, configuration)
  }

  // MARK: - Records

  private func outcome(
    _ result: AttackResult, _ batch: [PrivateExample], _ update: SharedUpdate,
    _ configuration: AttackConfiguration
  ) -> Outcome {
    let originals = batch.map(\.image)
    let reconstructions = unstacked(result.images).map(clamped)
    let order = matchBatch(reconstructions: reconstructions, originals: originals)
    let candidates = CandidateImages(originals)
    let images = batch.indices.map { index in
      imageResult(
        batch[index], reconstructions[order[index]], label: result.labels[order[index]],
        seed: configuration.seed, candidates)
    }
    let record = RunRecord(
      tool: GradleakVersion.current, configuration: configuration, model: modelSummary,
      update: UpdateSummary(
        kind: "gradient", loss: "mean cross entropy", batchSize: batch.count, localSteps: 1,
        norm: update.squaredNorm.squareRoot(),
        fingerprint: Fingerprint.of(
          Array(zip(weighted.model.parameters.map(\.name), update.gradients)))),
      threatModel: ThreatModel(),
      trials: result.trials.map {
        TrialRecord(
          method: $0.method, reason: $0.reason, iterations: $0.iterations,
          evaluations: $0.evaluations, matchingLoss: $0.matchingLoss,
          secondOrder: $0.secondOrder)
      },
      bestTrial: result.bestTrial, matchingLoss: result.matchingLoss, images: images,
      trace: result.snapshots.map { snapshot in
        TracePoint(
          trial: snapshot.trial, iteration: snapshot.iteration,
          evaluations: snapshot.evaluations, matchingLoss: snapshot.matchingLoss,
          psnr: meanPSNR(of: snapshot.images, originals))
      },
      diagnosis: result.diagnosis)
    return Outcome(
      record: record,
      timing: RunTiming(
        compileSeconds: result.compileSeconds, attackSeconds: result.attackSeconds,
        evaluationsPerSecond: Double(result.evaluations) / max(result.attackSeconds, 1e-9)),
      originals: originals, reconstructions: order.map { reconstructions[$0] },
      frames: frames(result, order, count: configuration.snapshots),
      wasInterrupted: result.wasInterrupted)
  }

  private func imageResult(
    _ example: PrivateExample, _ reconstruction: Tensor, label: Int, seed: UInt64,
    _ candidates: CandidateImages
  ) -> ImageResult {
    let quality = ReconstructionQuality(of: reconstruction, original: example.image)
    var source = RandomSource(seed: seed).derive(label: "baseline")
    let random = BaselineGuess.random.quality(against: example.image, using: &source)
    let grey = BaselineGuess.midGrey.quality(against: example.image, using: &source)
    var result = ImageResult(
      name: example.name, preparation: example.preparation,
      meanSquaredError: quality.meanSquaredError, psnr: quality.peakSignalToNoiseRatio,
      ssim: quality.structuralSimilarity, trueLabel: example.label, recoveredLabel: label,
      randomGuessPSNR: random.peakSignalToNoiseRatio, greyImagePSNR: grey.peakSignalToNoiseRatio)
    result.shiftedPSNR = JSONNumber(quality.shiftedPeakSignalToNoiseRatio)
    result.gmsd = quality.gradientMagnitudeDeviation.map(JSONNumber.init)
    result.meanImagePSNR = JSONNumber(
      ImageMetrics.peakSignalToNoiseRatio(candidates.mean, example.image))
    result.isIdentified = Identification.identifies(
      reconstruction, example.image, among: candidates.images)
    result.candidateCount = candidates.images.count
    return result
  }

  /// At most `count` snapshots of the best trial, evenly spread over those that were kept.
  private func frames(_ result: AttackResult, _ order: [Int], count: Int) -> [[Frame]] {
    let kept = result.snapshots.filter { $0.trial == result.bestTrial }
    guard count > 0, !kept.isEmpty else { return order.map { _ in [] } }
    let last = kept.count - 1
    let chosen = Set((0..<count).map { count == 1 ? last : $0 * last / (count - 1) }).sorted()
    let snapshots = chosen.map { (kept[$0], unstacked(kept[$0].images)) }
    return order.map { index in
      snapshots.map { snapshot, images in
        Frame(
          iteration: snapshot.iteration, matchingLoss: snapshot.matchingLoss,
          image: clamped(images[index]))
      }
    }
  }

  private func meanPSNR(of images: Tensor, _ originals: [Tensor]) -> Double {
    let reconstructions = unstacked(images).map(clamped)
    let order = matchBatch(reconstructions: reconstructions, originals: originals)
    let errors = originals.indices.map {
      ImageMetrics.meanSquaredError(reconstructions[order[$0]], originals[$0])
    }
    return errors.reduce(0) {
      $0 + ImageMetrics.peakSignalToNoiseRatio(meanSquaredError: $1)
    } / Double(errors.count)
  }
}

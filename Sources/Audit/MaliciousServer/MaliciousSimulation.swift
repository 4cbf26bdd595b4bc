import Attacks
import Clients
import ModelIO
import Solvers
import TensorGraph

/// Plays a malicious server and a client that trusts it: weights are planted, the client shares its
/// gradient, and the server reads images off it.
package struct MaliciousSimulation: Sendable {
  /// What came of it.
  package struct Outcome: Sendable {
    package let record: MaliciousRecord
    /// For each private image the nearest reconstruction [C, H, W], clamped to 0...1; nil when the
    /// server has none at all.
    package let reconstructions: [Tensor?]
  }

  private let model: Model
  private let batch: [PrivateExample]
  private let samples: [Tensor]
  private let precision: Precision
  private let seed: UInt64
  private let backend: any Backend

  /// - Parameters:
  ///   - batch: what the client holds.
  ///   - samples: public images of the same kind, which the server sets its weights by.
  package init(
    model: Model, batch: [PrivateExample], samples: [Tensor], precision: Precision, seed: UInt64,
    backend: any Backend
  ) {
    precondition(!batch.isEmpty, "a client without images")
    self.model = model
    self.batch = batch
    self.samples = samples
    self.precision = precision
    self.seed = seed
    self.backend = backend
  }

  /// - Parameters:
  ///   - bins: of the imprint.
  ///   - copies: of each bin.
  ///   - rounds: of fishing, at most.
  ///   - shouldStop: asked between rounds.
  /// - Throws: ``AttackError`` when the method does not apply to the model or the batch.
  package func run(
    _ method: MaliciousMethod, bins: Int, copies: Int = 1, rounds: Int,
    shouldStop: () -> Bool = { false }
  ) throws(AttackError) -> Outcome {
    switch method {
    case .robbingTheFed: try robTheFed(bins: bins, copies: copies)
    case .trapWeights: try setTraps()
    case .fishing: try fish(rounds: rounds, shouldStop)
    case .featureFishing: try fishByFeature(rounds: rounds)
    }
  }

  private func share(_ weighted: WeightedModel) throws(AttackError) -> SharedUpdate {
    try weighted.share(
      images: stacked(batch.map(\.image)).converted(to: precision.dtype),
      labels: batch.map { $0.label ?? 0 }, backend: backend)
  }

  // MARK: - Methods

  private func robTheFed(bins: Int, copies: Int) throws(AttackError) -> Outcome {
    let server = try ImprintServer(model: model, samples: samples, bins: bins, copies: copies)
    let weighted = server.weights(seed: seed)
    return try read(try share(weighted), by: server, weighted)
  }

  /// What a server reads off an update of the batch with its bins.
  ///
  /// - Parameter weighted: what was planted.
  /// - Throws: ``AttackError`` when the backend fails.
  package func read(
    _ update: SharedUpdate, by server: ImprintServer, _ weighted: WeightedModel
  ) throws(AttackError) -> Outcome {
    let contents = server.contents(of: update)
    let places = batch.map { server.bin(of: $0.image) }
    let isolated = places.map { place in places.count { $0 == place } == 1 }
    var outcome = try outcome(
      .robbingTheFed, weighted, contents.map(\.image), isolated: isolated, rounds: 1)
    outcome.bins = server.thresholds.count
    outcome.isolatedCount = isolated.count { $0 }
    outcome.expectedIsolatedCount = ImprintServer.expectedIsolatedCount(
      count: batch.count, bins: server.thresholds.count)
    if server.copies > 1 { outcome.copies = server.copies }
    if contents.contains(where: { $0.isSingle != nil }) {
      let proven = contents.filter { $0.isSingle == true }.map { clamped($0.image) }
      outcome.provenCount = proven.count
      outcome.provenInFull = proven.count { image in
        batch.contains {
          ReconstructionQuality(of: image, original: $0.image).peakSignalToNoiseRatio
            >= LeakThreshold.fullPSNR
        }
      }
    }
    return finished(outcome, contents.map(\.image))
  }

  private func setTraps() throws(AttackError) -> Outcome {
    let traps = try TrapWeights(
      WeightedModel(untrained: model, seed: seed), samples: samples, batchSize: batch.count,
      seed: seed)
    return try read(try share(traps.model), by: traps)
  }

  /// What a server reads off an update of the batch with its traps.
  ///
  /// - Throws: ``AttackError`` when the backend fails.
  package func read(
    _ update: SharedUpdate, by traps: TrapWeights
  ) throws(AttackError) -> Outcome {
    let contents = traps.contents(of: update)
    return finished(
      try outcome(.trapWeights, traps.model, contents, isolated: nil, rounds: 1), contents)
  }

  /// First an honest round, whose gradient tells the labels; then a round for each class that occurs
  /// once.
  private func fish(rounds: Int, _ shouldStop: () -> Bool) throws(AttackError) -> Outcome {
    let honest = WeightedModel(untrained: model, seed: seed)
    let labels = try LabelRecovery.labels(
      of: share(honest), honest, by: .features, seed: seed, backend: backend)
    let single = Dictionary(grouping: labels) { $0 }.filter { $0.value.count == 1 }.keys.sorted()
    guard !single.isEmpty else {
      throw AttackError(
        advising: """
          no class occurs once in this batch, so class fishing isolates no image; use more classes \
          (\(.classes)), or \(.method, "feature-fishing")
          """)
    }
    var images: [Tensor] = []
    var isolated = batch.map { _ in false }
    var planted = honest
    var used = 1
    for target in single.prefix(rounds) {
      if shouldStop() { break }
      let server = try FishingServer(honest, target: target)
      planted = server.classWeights()
      used += 1
      guard let update = server.isolated(try share(planted)), update.batchSize == 1 else {
        continue
      }
      images.append(try invert(planted, update))
      for index in batch.indices where batch[index].label == target { isolated[index] = true }
    }
    var outcome = try outcome(.fishing, planted, images, isolated: isolated, rounds: used)
    outcome.isolatedCount = isolated.count { $0 }
    return finished(outcome, images)
  }

  /// Bisects the threshold until one image is below it.
  private func fishByFeature(rounds: Int) throws(AttackError) -> Outcome {
    guard let target = batch.first?.label, batch.allSatisfy({ $0.label == target }) else {
      throw AttackError("feature fishing needs a batch of a single class")
    }
    let server = try FishingServer(WeightedModel(untrained: model, seed: seed), target: target)
    var planted = server.classWeights()
    var used = 1
    guard let middle = server.meanFeature(of: try share(planted)) else {
      throw AttackError("the batch left no gradient in the fished class")
    }
    // The mean lies between the least and the largest feature; the server knows neither.
    var (low, high): (Double?, Double?) = (nil, nil)
    var threshold = middle
    var reach = max(abs(middle), 1e-3) * 0.1
    while used < rounds {
      planted = server.featureWeights(threshold: threshold)
      let update = try share(planted)
      used += 1
      let count = server.count(in: update)
      if abs(count - 1) < 0.01, let alone = server.isolated(update) {
        let image = try invert(planted, alone)
        var outcome = try outcome(.featureFishing, planted, [image], isolated: nil, rounds: used)
        outcome.isolatedCount = 1
        return finished(outcome, [image])
      }
      if count > 1 { high = threshold } else { low = threshold }
      switch (low, high) {
      case (let low?, let high?): threshold = (low + high) / 2
      case (nil, _):
        threshold -= reach
        reach *= 2
      case (_, nil):
        threshold += reach
        reach *= 2
      }
    }
    throw AttackError(
      advising: """
        no threshold between two images was found in \(used) rounds; allow more of them (\(.rounds))
        """)
  }

  private func invert(
    _ weighted: WeightedModel, _ update: SharedUpdate
  ) throws(AttackError) -> Tensor {
    let result = try AttackProblem(
      weighted, update: update,
      configuration: AttackConfiguration(seed: seed, trials: 2, iterations: 2000, timeLimit: 120),
      backend: backend
    ).run()
    return unstacked(result.images)[0]
  }

  // MARK: - Record

  private func outcome(
    _ method: MaliciousMethod, _ weighted: WeightedModel, _ contents: [Tensor],
    isolated: [Bool]?, rounds: Int
  ) throws(AttackError) -> MaliciousRecord {
    var source = RandomSource(seed: seed).derive(label: "baseline")
    let random = batch.map {
      BaselineGuess.random.quality(against: $0.image, using: &source).peakSignalToNoiseRatio
    }
    let grey = batch.map {
      BaselineGuess.midGrey.quality(against: $0.image, using: &source).peakSignalToNoiseRatio
    }
    let entries = zip(batch.indices, nearest(contents)).map { index, image in
      entry(batch[index], image, isIsolated: isolated?[index])
    }
    let counted = entries.filter { $0.isIsolated ?? true }.map(\.psnr.value)
    return MaliciousRecord(
      tool: GradleakVersion.current, method: method,
      threatModel: ThreatModel(attacker: .maliciousServer, category: method.descriptor.category),
      model: weighted.model.name, seed: seed,
      precision: precision, batchSize: batch.count, rounds: rounds,
      recoveredCount: entries.count(where: \.isRecovered),
      medianPSNR: counted.isEmpty ? nil : JSONNumber(median(counted)),
      randomGuessPSNR: JSONNumber(median(random)), greyImagePSNR: JSONNumber(median(grey)),
      findings: try findings(in: weighted),
      images: entries)
  }

  /// What the client could have seen; the weights alone where its check cannot run the model.
  private func findings(
    in weighted: WeightedModel
  ) throws(AttackError) -> [PlantedWeightCheck.Finding] {
    let check = PlantedWeightCheck(samples: BundledImages.samples, backend: backend)
    let tensors = zip(weighted.model.parameters.map(\.name), weighted.parameters).map {
      (name: $0, tensor: $1)
    }
    do throws(GraphError) {
      do throws(GraphError) {
        return try check.findings(in: weighted)
      } catch {
        guard error.kind == .unsupported else { throw error }
        return try check.findings(in: tensors)
      }
    } catch {
      throw AttackError(
        "\(weighted.model.name) cannot be looked at: \(error.message)", .backendFailed)
    }
  }

  private func finished(_ record: MaliciousRecord, _ contents: [Tensor]) -> Outcome {
    Outcome(record: record, reconstructions: nearest(contents))
  }

  private func entry(
    _ example: PrivateExample, _ image: Tensor?, isIsolated: Bool?
  ) -> MaliciousRecord.ImageEntry {
    let quality = image.map { ReconstructionQuality(of: $0, original: example.image) }
    let psnr = quality?.peakSignalToNoiseRatio ?? -.infinity
    return MaliciousRecord.ImageEntry(
      name: example.name, isIsolated: isIsolated, psnr: JSONNumber(psnr),
      ssim: quality?.structuralSimilarity.map(JSONNumber.init),
      isRecovered: psnr >= LeakThreshold.fullPSNR)
  }

  /// For each private image the nearest of the server's, which the server itself cannot tell.
  private func nearest(_ contents: [Tensor]) -> [Tensor?] {
    let images = contents.map(clamped)
    return batch.map { example in
      let errors = images.map { ImageMetrics.meanSquaredError($0, example.image) }
      return errors.indices.min { errors[$0] < errors[$1] }.map { images[$0] }
    }
  }
}

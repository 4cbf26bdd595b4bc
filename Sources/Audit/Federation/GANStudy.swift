import Attacks
import Clients
import Federation
import ModelIO
import Solvers
import TensorGraph

/// Trains federations with a malicious client that trains a generator against the shared model, attacks gradients of the
/// victim's pictures at the weights that come of it, and measures what both gave on the same victim.
///
/// Who has which pictures, and which of the victim's are attacked, is the same in all runs; weights, batches and
/// generators differ.
package final class GANStudy {
  /// How much is measured.
  package struct Extent: Sendable {
    /// Trainings with seeds of their own.
    package var runs = 1
    /// Pictures of each generator at the end.
    package var samples = 32
    /// The victim's pictures whose gradients are attacked in each run.
    package var records = 8

    package init() {}
  }

  /// How far the study is.
  package struct Progress {
    /// From 1.
    package let run: Int
    /// Rounds that are done of it.
    package let rounds: Int
    /// What the model last said of the generator's pictures.
    package let score: Double
  }

  /// What a run left beside its record.
  struct Result {
    var federation: GANFederation
    var samples: TrainingSet
    /// By the index of the picture; where the attack gave something.
    var reconstructions: [Int: [Float]] = [:]
  }

  package let plan: FederationPlan
  private let extent: Extent
  private let scene: FederationPlan.Scene
  private let shards: [TrainingSet]
  private let evaluator: Evaluator
  private let backend: any Backend
  let measures: GANMeasures
  /// What was measured so far.
  package private(set) var record: GANRecord
  private(set) var results: [Result] = []

  /// What the user should know of the model.
  package var notes: [Sentence] { scene.selected.notes }

  /// - Parameter plan: of a parameter server, with a class of the model to spare.
  /// - Throws: as ``FederationPlan/scene()``, ``FederationError`` for settings that do not fit.
  package init(
    _ plan: FederationPlan, _ attack: GANSettings, _ extent: Extent, backend: any Backend
  ) throws {
    self.plan = plan
    self.extent = extent
    self.backend = backend
    guard plan.settings.workers >= 2 else {
      throw FederationError("a victim and a malicious client are 2 workers or more", .badInput)
    }
    scene = try plan.scene()
    let model = scene.weighted.model
    try attack.check(model, classes: (scene.training.labels.max() ?? 0) + 1)
    let positions = scene.training.shards(
      givingFirst: attack.targetClass, of: plan.settings.workers, seed: plan.settings.seed)
    guard positions.allSatisfy({ !$0.isEmpty }) else {
      throw FederationError(
        "there are too few examples for \(plan.settings.workers) workers; take more examples",
        .badInput)
    }
    shards = positions.map(scene.training.part)
    // The victim's pictures of the class come first in its shard.
    let owned = shards[0].labels.prefix { $0 == attack.targetClass }.count
    measures = try GANMeasures(
      training: shards[0].choosing(Array(0..<owned)), heldOut: scene.heldOut,
      targetClass: attack.targetClass, freshCount: extent.samples)
    evaluator = try Evaluator(
      scene.weighted,
      scene.heldOut.choosing(Array(0..<min(GANStudy.evaluated, scene.heldOut.count))),
      backend: backend)
    record = GANRecord(
      plan: plan, attack: attack, model: model.name, parameterCount: scene.vector.count,
      victimCount: owned, heldOutCount: evaluator.count, comparedCount: measures.count)
    record.fresh = measures.ofFresh
    record.mean = measures.distances(of: measures.mean)
  }

  /// Held-out pictures that accuracy is measured by, at most.
  private static let evaluated = 1000

  // MARK: - Training

  /// Trains every run to its end.
  ///
  /// - Parameter observe: called after every round; may ask to stop, and what there is by then is kept.
  /// - Throws: ``AttackError`` when the backend fails.
  package func train(observe: (Progress) -> SolverDecision) throws {
    for number in 0..<extent.runs {
      var settings = plan.settings
      settings.seed &+= UInt64(number)
      let weighted = initial(seed: settings.seed)
      let federation = try GANFederation(
        weighted, settings, record.attack, shards: shards, backend: backend)
      var run = GANRecord.Run(seed: settings.seed)
      for round in 0..<settings.rounds {
        let progress = try federation.round(round)
        run.rounds.append(
          GANRecord.Round(loss: JSONNumber(progress.loss), score: JSONNumber(progress.score)))
        let told = Progress(run: number + 1, rounds: round + 1, score: progress.score)
        if case .stop = observe(told) {
          record.isInterrupted = true
          break
        }
      }
      run.right = try evaluator.rightCount(federation.weights)
      let samples = try federation.samples(extent.samples)
      run.samples = (0..<samples.count).map {
        measures.distances(of: Array(samples.picture($0)))
      }
      record.runs.append(run)
      results.append(Result(federation: federation, samples: samples))
      summarise()
      if record.isInterrupted { break }
    }
  }

  /// The weights that a run begins with: drawn in PyTorch's usual bounds where the model's own are wider, as those of
  /// LeNet in the paper on Deep Leakage from Gradients are, from which steps of a usual size do not learn.
  private func initial(seed: UInt64) -> WeightedModel {
    let weighted = scene.selected.weighted(seed: seed)
    guard scene.selected.drawsWeights else { return weighted }
    var usual = Double.infinity
    let parameters = zip(weighted.model.parameters, weighted.parameters).map { spec, tensor in
      if spec.shape.rank >= 2 {
        usual = 1 / Double(spec.shape.dimensions.dropFirst().reduce(1, *)).squareRoot()
      }
      guard case .uniform(let bound) = spec.initializer, bound > usual else { return tensor }
      return Tensor(tensor.shape, tensor.dtype, tensor.doubles.map { $0 * usual / bound })
    }
    return WeightedModel(
      model: weighted.model, parameters: parameters, buffers: weighted.buffers)
  }

  // MARK: - Attacks on gradients

  /// Attacks the gradient of each of some of the victim's pictures, at the weights of each run.
  ///
  /// - Parameters:
  ///   - staged: the folder while it is filled.
  ///   - folder: where it will be.
  ///   - observe: called after every step; may ask to stop.
  /// - Returns: the attacks' outcomes.
  /// - Throws: `FileError` when a file cannot be written, ``AttackError`` when the backend fails.
  package func attack(
    by configuration: AttackConfiguration, in staged: StagedFolder, folder: OutputFolder,
    observe: (TappedUpdates.Progress) -> SolverDecision
  ) throws -> [AuditOutcome] {
    var plan = plan
    // What a server sees of one client that takes one step on one picture.
    (plan.settings.workers, plan.settings.epochs, plan.settings.miniBatch) = (1, nil, nil)
    plan.settings.batchSize = 1
    let records = Array(0..<min(extent.records, measures.count))
    let taps = try results.enumerated().flatMap { number, result in
      try records.map { index in
        try result.federation.tap(ofVictims: index, round: number * records.count + index)
      }
    }
    let tapped = TappedUpdates(
      plan, scene, attack: configuration, victims: [0], backend: backend)
    let attacked = try tapped.attack(taps, in: staged, folder: folder, observe: observe)
    let outcomes = attacked.outcomes
    for (position, seen) in attacked.seen.enumerated() {
      let (number, index) = (position / records.count, position % records.count)
      var entry = GANRecord.Reconstruction(index: index, verdict: seen.verdict ?? "no diagnosis")
      if let psnr = seen.scores.first,
        let found = outcomes.first(where: {
          $0.record.experiment?.data.update?.file == folder.path(of: seen.file)
        }),
        let reconstruction = found.reconstructions.first
      {
        let picture = reconstruction.doubles.map { Float($0) }
        entry.psnr = psnr
        entry.distances = measures.distances(of: picture)
        results[number].reconstructions[index] = picture
      } else if seen.full == nil {
        record.isInterrupted = record.isInterrupted || seen.verdict?.contains("stopped") == true
      }
      record.runs[number].reconstructions.append(entry)
    }
    summarise()
    return outcomes
  }

  // MARK: - Measures

  private func summarise() {
    let pairs = results.indices.flatMap { first in
      (0..<first).map { (results[first], results[$0]) }
    }
    let different = pairs.flatMap { a, b in
      (0..<a.samples.count).flatMap { first in
        (0..<b.samples.count).map { (a.samples.picture(first), b.samples.picture($0)) }
      }
    }
    let means = pairs.map { a, b in (a.samples.mean[...], b.samples.mean[...]) }
    let repeated = pairs.flatMap { a, b in
      a.reconstructions.keys.sorted().compactMap { index in
        b.reconstructions[index].flatMap { other in
          a.reconstructions[index].map { ($0[...], other[...]) }
        }
      }
    }
    record.summarise(
      GANRecord.Spread(
        training: GANMeasures.spread(GANMeasures.pairs(measures.training, GANStudy.spreadCount)),
        samplesOfOneRun: GANMeasures.spread(
          results.flatMap { GANMeasures.pairs($0.samples, $0.samples.count) }),
        samplesOfDifferentRuns: GANMeasures.spread(different),
        meanSamples: GANMeasures.spread(means),
        reconstructions: GANMeasures.spread(repeated)))
  }

  /// Pictures whose distances from each other say how different a class's pictures are.
  private static let spreadCount = 64
}

import Attacks
import Clients
import Federation
import ModelIO
import Solvers
import TensorGraph

/// What observers of a federation saw, as files that every command reads, and the attacks on them.
package struct TappedUpdates {
  private let plan: FederationPlan
  private let scene: any FederationScene
  private let backend: any Backend
  private let adversary: Adversary
  private let attack: AttackConfiguration
  /// Workers that are looked at one by one, from 0.
  private let victims: [Int]
  /// Reads what planted weights bring back; nil where nothing is planted.
  private let planted: PlantedScene?

  /// What was seen, and what came of it.
  package struct Results {
    /// One for each observation.
    package fileprivate(set) var seen: [FederationRecord.Seen] = []
    /// Of the attacks.
    package fileprivate(set) var outcomes: [AuditOutcome] = []
    /// Of a server that planted weights.
    package fileprivate(set) var readings: [PlantedReading] = []
  }

  /// An observation with its files.
  fileprivate struct Case {
    let observation: Observation
    let tap: RoundTap
    let name: String
    /// Names of files in the folder.
    let files: (update: String, seen: String?, before: String, truth: String)
  }

  /// How far the attacks are.
  package struct Progress {
    /// Observations that are done, and all.
    package let done: Int
    package let count: Int
    /// The one that is attacked.
    package let name: String
    package let attack: ExperimentProgress
  }

  /// - Parameters:
  ///   - attack: that each observation is attacked with.
  ///   - victims: workers that are looked at one by one, from 0.
  ///   - adversary: what the server did.
  package init(
    _ plan: FederationPlan, _ scene: any FederationScene, attack: AttackConfiguration,
    victims: [Int], adversary: Adversary = .none, backend: any Backend
  ) {
    self.adversary = adversary
    planted = PlantedScene(adversary, plan, scene, backend: backend)
    self.plan = plan
    self.scene = scene
    self.attack = attack
    self.victims = victims
    self.backend = backend
  }

  /// The worker that looks on: the last one.
  private var spy: Int { plan.settings.workers - 1 }

  /// Writes every observation into a folder and attacks it.
  ///
  /// - Parameters:
  ///   - staged: the folder while it is filled.
  ///   - folder: where it will be.
  ///   - observe: called after every step of an attack; may ask to stop, and then the rest is not attacked.
  /// - Throws: `FileError` when a file cannot be written.
  package func attack(
    _ taps: [RoundTap], in staged: StagedFolder, folder: OutputFolder,
    observe: (Progress) -> SolverDecision
  ) throws -> Results {
    let cases = taps.flatMap(cases)
    var written: Set<String> = []
    for one in cases { try write(one, to: staged, &written) }
    var results = Results()
    var isStopped = false
    for (index, one) in cases.enumerated() {
      var entry = FederationRecord.Seen(
        observer: one.observation.observer, round: one.observation.round + 1,
        workers: one.observation.workers.map { $0 + 1 }, share: one.observation.seenShare,
        file: one.files.update, examples: one.exampleCount)
      defer { results.seen.append(entry) }
      guard !isStopped else {
        entry.verdict = "not attacked: the study was stopped before"
        continue
      }
      do {
        if let planted, let scene = scene as? FederationPlan.Scene,
          one.observation.observer == .plantingServer
        {
          let batch = scene.examples(one.batches, one.name)
          let reading = PlantedReading(
            name: one.name,
            outcome: try planted.read(
              one.observation.tensors, planted: one.tap.before, batch: batch),
            batch: batch)
          try reading.write(to: staged)
          entry.enter(reading, planted.verdict)
          results.readings.append(reading)
          continue
        }
        let experiment = try experiment(one) { staged.path(of: $0) }
        let final = try self.experiment(one) { folder.path(of: $0) }
        try AtomicFile.write(
          try ResultWriter.json(final), to: staged.path(of: one.name + ".experiment.json"))
        var outcome = try scene.run(
          experiment, one.batches, name: one.name, backend: backend
        ) { progress in
          let decision = observe(
            Progress(done: index, count: cases.count, name: one.name, attack: progress))
          if case .stop = decision { isStopped = true }
          return decision
        }
        outcome.record.experiment = final
        entry.enter(outcome.record)
        results.outcomes.append(outcome)
      } catch let error as any ErrorInWords {
        entry.verdict = "not attacked: \(error.sentence)"
      }
    }
    return results
  }

  private func cases(of tap: RoundTap) -> [Case] {
    tap.observations(
      plan.settings, scene.vector, victims: victims, spy: spy, adversary: adversary
    ).map { observation in
      let round = "round-\(observation.round + 1)"
      let who =
        observation.workers.count == 1
        ? "worker-\(observation.workers[0] + 1)" : "\(observation.workers.count)-workers"
      let name = "\(observation.observer.rawValue)-\(who)-\(round)"
      return Case(
        observation: observation, tap: tap, name: name,
        files: (
          "\(name).safetensors",
          scene.readsPartsOfTensors
            ? observation.seen.map { _ in "\(name)-seen.safetensors" } : nil,
          "\(round)-before.safetensors", "\(round)-\(who)-pictures.safetensors"
        ))
    }
  }

  // MARK: - Files

  private func write(
    _ one: Case, to staged: StagedFolder, _ written: inout Set<String>
  ) throws(FileError) {
    func write(_ name: String, _ tensors: [String: Tensor]) throws(FileError) {
      guard written.insert(name).inserted else { return }
      try Safetensors.write(tensors, to: staged.path(of: name), isPrivate: true)
    }
    try write(
      one.files.before,
      scene.vector.named(one.tap.before).merging(scene.buffers) { first, _ in first })
    // What was not seen at all is not there; what was seen in part has zeros, or is not there where attacks do not take it.
    let seen = one.observation.seen.map { scene.vector.named($0) }
    let known = scene.vector.named(one.observation.tensors).filter { name, _ in
      if one.observation.observer == .inconsistentServer, name == scene.lastBias { return false }
      guard let numbers = seen?[name]?.doubles else { return true }
      return scene.readsPartsOfTensors ? numbers.contains { $0 != 0 } : !numbers.contains(0)
    }
    try write(one.files.update, known)
    if let seen, let file = one.files.seen { try write(file, seen.filter { known[$0.key] != nil }) }
    if written.insert(one.files.truth).inserted {
      try scene.writeTruth(one.batches, to: staged.path(of: one.files.truth))
    }
  }

  private func experiment(_ one: Case, at path: (String) -> String) throws -> Experiment {
    var experiment = Experiment()
    let sizes = one.batches.map(\.labels.count)
    let isEven = sizes.allSatisfy { $0 == sizes[0] }
    guard isEven || !plan.settings.sharesWeights else {
      throw FederationError(
        "the mean of workers with \(sizes.map(String.init).joined(separator: ", ")) examples and local steps is not "
          + "attacked yet", .badInput)
    }
    experiment.model = plan.model
    experiment.model.weights = path(one.files.before)
    // The joint gradient of workers with different numbers of examples is that of all their examples.
    experiment.client.count = isEven ? sizes.count : 1
    var update = UpdateChoice(
      file: path(one.files.update), kind: one.observation.kind,
      batchSize: isEven ? sizes[0] : sizes.reduce(0, +))
    update.seen = one.files.seen.map(path)
    scene.enter(one.batches, at: path(one.files.truth), into: &experiment)
    experiment.data.update = update
    if plan.settings.sharesWeights {
      experiment.client.epochs = plan.settings.epochs
      experiment.client.miniBatch = plan.settings.miniBatch.map { min($0, sizes[0]) }
    }
    if one.observation.kind.isOfWeights {
      experiment.client.learningRate = plan.settings.learningRate
    }
    experiment.attack = attack
    try experiment.check()
    return experiment
  }
}

extension TappedUpdates.Case {
  /// The private batches behind the observation, in the order of the workers.
  fileprivate var batches: [RoundTap.Batch] { observation.workers.compactMap { tap.batches[$0] } }
  fileprivate var exampleCount: Int { batches.reduce(0) { $0 + $1.labels.count } }
}

extension FederationRecord.Seen {
  /// Enters what an attack made of it.
  fileprivate mutating func enter(_ record: RunRecord) {
    let judged = record.judged
    enter(judged.map { record.level(of: $0) })
    scores = judged.filter(\.hasTruth).map { JSONNumber($0.score) }
    verdict = record.diagnosis?.verdict.rawValue ?? "no diagnosis"
  }

  /// Enters what a server read off what it had planted.
  fileprivate mutating func enter(_ reading: PlantedReading, _ verdict: String) {
    enter(reading.levels)
    scores = reading.outcome.record.images.map(\.psnr)
    self.verdict = verdict
  }

  private mutating func enter(_ levels: [LeakLevel]) {
    full = levels.count { $0 == .full }
    recognisable = levels.count { $0 >= .recognisable }
    undetermined = levels.count { $0 == .undetermined }
  }
}

import Attacks
import Clients
import Defences
import Foundation
import ModelIO
import Solvers
import TensorGraph

/// One run of a sweep: an experiment, with what tells its data from others of the same names.
package struct SweepTask: Codable, Sendable, Hashable {
  /// Version of gradleak: another one may give other results.
  package var tool = GradleakVersion.current
  package var experiment: Experiment
  /// Of the pictures' pixels before they are fitted to the model; of texts, which stand in the experiment, of the
  /// model's weights; of rows of the whole table.
  package var imageFingerprint: String

  package init(_ experiment: Experiment, imageFingerprint: String) {
    self.experiment = experiment
    self.imageFingerprint = imageFingerprint
  }

  /// What decides whether it can be run at all.
  private struct Setting: Hashable {
    let model: ModelChoice
    let defences: DefenceChain
    let batchSize: Int
  }

  private var setting: Setting {
    Setting(
      model: experiment.model, defences: experiment.defences, batchSize: experiment.batchSize)
  }

  /// The text that identifies this run: JSON with sorted keys.
  package var key: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }

  /// Whether the clients of runs can apply their defences; to be asked before anything runs.
  ///
  /// - Throws: ``ModelError`` when there is no such model, ``AttackError`` when a defence cannot act.
  package static func check(
    _ tasks: [SweepTask], _ examples: SweepExamples, backend: any Backend
  ) throws {
    var runners = LatestRunner(on: backend)
    var seen: Set<Setting> = []
    for task in tasks where seen.insert(task.setting).inserted {
      try examples.prepare(task.experiment, by: runners.runner(for: task.experiment)).check()
    }
  }

  /// Runs it.
  ///
  /// - Parameters:
  ///   - runners: of the runs before it on the same thread.
  ///   - shouldStop: asked after every iteration; the result is nil when it said so.
  /// - Throws: ``ModelError`` or ``AttackError`` when the model or attack cannot be had.
  func run(
    examples: SweepExamples, runners: inout LatestRunner, shouldStop: () -> Bool
  ) throws -> AuditOutcome? {
    let outcome = try examples.prepare(experiment, by: runners.runner(for: experiment)).run { _ in
      shouldStop() ? .stop(.interrupted) : .proceed
    }
    return outcome.wasInterrupted || shouldStop() ? nil : outcome
  }
}

extension SweepPlan {
  /// Runs of one plan at most, and examples in all of them.
  private static let (runLimit, exampleLimit) = (1_000_000, 10_000_000)

  /// Refuses a plan of more runs than anybody waits for, before they are written out.
  private func checkCount(of examples: SweepExamples) throws(SweepError) {
    var (runs, uses) = (0.0, 0.0)
    for group in groups {
      for _ in group.sizes {
        let product = [
          group.defences.count, group.attacks.count, group.seeds,
          examples.batchCount(limit: group.examples),
        ].reduce(1.0) { $0 * Double($1) }
        runs += product * Double(group.batchSizes.count)
        uses += product * group.batchSizes.reduce(0.0) { $0 + Double($1) }
      }
    }
    guard runs <= Double(SweepPlan.runLimit), uses <= Double(SweepPlan.exampleLimit) else {
      throw SweepError(
        "the plan has \(runs < 1e15 ? "\(Int(runs))" : "\(runs)") runs with \(uses < 1e15 ? "\(Int(uses))" : "\(uses)") "
          + "\(examples.kind.plural) in all, more than the \(SweepPlan.runLimit) and \(SweepPlan.exampleLimit) allowed; "
          + "shorten its lists, or split it")
    }
  }

  /// Every run of the plan, in its order, each once.
  ///
  /// - Throws: ``SweepError`` when these are too many, ``ModelError`` when there is no such model.
  package func tasks(of examples: SweepExamples) throws -> [SweepTask] {
    try checkCount(of: examples)
    var seen: Set<SweepTask> = []
    var result: [SweepTask] = []
    for group in groups {
      for size in group.sizes {
        for task in try group.tasks(of: examples, size: size)
        where seen.insert(task).inserted {
          result.append(task)
        }
      }
    }
    return result
  }
}

extension SweepPlan.Group {
  fileprivate func tasks(of examples: SweepExamples, size: Int) throws -> [SweepTask] {
    let kind = examples.kind.name
    var experiment = Experiment()
    experiment.data = examples.data
    experiment.model = try modelChoice(kind, size: size)
    let labelling = try labelling(of: experiment)
    let shared = try examples.tableFingerprint ?? modelFingerprint(of: experiment)
    var result: [SweepTask] = []
    for (batchSize, defence) in batchSizes.flatMap({ size in defences.map { (size, $0) } }) {
      experiment.defences = defence
      for attack in attacks {
        experiment.isAdaptive = attack.isAdaptive
        for offset in 0..<seeds {
          experiment.attack = try configuration(
            attack, kind, seed: firstSeed &+ UInt64(offset))
          let batches = try examples.batches(
            of: batchSize, limit: self.examples, imageSize: size, seed: experiment.attack.seed)
          for batch in batches {
            var labels = RandomSource(seed: experiment.attack.seed).derive(label: "labels")
              .derive(label: batch.first?.name ?? "")
            experiment.data.examples = batch.map(\.path)
            experiment.data.labels = labelling.map { (count, masks) in
              batch.map { _ in ExampleLabel.random(below: count, masks: masks, using: &labels) }
            }
            try experiment.check()
            result.append(
              SweepTask(
                experiment,
                imageFingerprint: shared
                  ?? batch.compactMap(\.fingerprint).joined(separator: "+")))
          }
        }
      }
    }
    return result
  }

  /// Classes that pictures' labels are drawn from, and whether those are masks; nil for other data, which get theirs when
  /// they are read.
  private func labelling(of experiment: Experiment) throws -> (classes: Int, masks: Bool)? {
    guard experiment.data.kind == .pictures else { return nil }
    let architecture = try ModelCatalog.architecture(named: experiment.model.name)
    return (classes ?? architecture.defaults.classCount, architecture.labelsPixels)
  }

  /// Of the weights of a language model, which stand in a folder that may change; nil for other models, which are
  /// named.
  private func modelFingerprint(of experiment: Experiment) throws -> String? {
    guard experiment.data.kind == .texts else { return nil }
    return try SelectedTextModel(
      experiment.model, adapterRank: nil, seed: firstSeed, backend: ReferenceInterpreter()
    ).summary.fingerprint
  }

  private func modelChoice(_ kind: DataKindName, size: Int) throws(ModelError) -> ModelChoice {
    var choice = ModelChoice(name: model ?? DataKinds.descriptor(kind).usualModel)
    choice.classes = classes
    switch kind {
    case .texts: choice.head = head
    case .pictures: choice.size = size
    default: break
    }
    guard let activation else { return choice }
    guard let known = Activation(rawValue: activation) else {
      let names = Activation.allCases.map(\.rawValue)
      let hint = nearestSpelling(to: activation, in: names).map { "; did you mean \($0)?" } ?? ""
      throw ModelError("there is no activation called \(activation.quotedForMessage)\(hint)")
    }
    choice.activation = known
    return choice
  }

  private func configuration(
    _ attack: SweepAttack, _ kind: DataKindName, seed: UInt64
  ) throws -> AttackConfiguration {
    var configuration = try attack.usualConfiguration(for: kind)
    configuration.seed = seed
    if let trials { configuration.trials = trials }
    if let iterations { configuration.iterations = iterations }
    configuration.snapshots = 0
    configuration.unknown = attack.unknown
    return configuration
  }
}

import Attacks
import Clients
import Defences
import Foundation
import ModelIO
import Solvers
import TensorGraph

/// One run of a sweep: an experiment, with what tells its pictures from others of the same names.
public struct SweepTask: Codable, Sendable, Hashable {
  /// Version of gradleak: another one may give other results.
  public var tool = GradleakVersion.current
  public var experiment: Experiment
  /// Of the pictures' pixels before they are fitted to the model.
  public var imageFingerprint: String

  public init(_ experiment: Experiment, imageFingerprint: String) {
    self.experiment = experiment
    self.imageFingerprint = imageFingerprint
  }

  /// What decides whether it can be run at all.
  public struct Setting: Hashable, Sendable {
    let model: ModelChoice
    let defences: DefenceChain
    let batchSize: Int
  }

  public var setting: Setting {
    Setting(
      model: experiment.model, defences: experiment.defences, batchSize: experiment.batchSize)
  }

  /// The text that identifies this run: JSON with sorted keys.
  public var key: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }

  /// Whether its client can apply the defence; to be asked before anything runs.
  ///
  /// - Throws: ``ModelError`` when there is no such model, ``AttackError`` when a defence cannot act.
  public func check(_ pictures: SweepPictures, backend: any Backend) throws {
    var runner = ExperimentRunner(try experiment.selectedModel(), backend: backend)
    try runner.check(try prepare(&runner, pictures))
  }

  private func prepare(
    _ runner: inout ExperimentRunner, _ pictures: SweepPictures
  ) throws -> PreparedExperiment {
    let shape = runner.selected.model.inputShape
    return try runner.prepare(
      experiment,
      pictures: pictures.chosen(experiment.data.pictures, inputHeight: shape[1]).map {
        PrivateExample(name: $0.name, picture: $0.image, label: nil, inputShape: shape)
      })
  }

  /// Runs it.
  ///
  /// - Parameter shouldStop: asked after every iteration; the result is nil when it said so.
  /// - Throws: ``ModelError`` or ``AttackError`` when the model or attack cannot be had.
  func run(
    pictures: SweepPictures, backend: any Backend, shouldStop: () -> Bool
  ) throws -> AuditOutcome? {
    var runner = ExperimentRunner(try experiment.selectedModel(), backend: backend)
    let outcome = try runner.run(try prepare(&runner, pictures)) { _, _ in
      shouldStop() ? .stop(.interrupted) : .proceed
    }
    return outcome.wasInterrupted || shouldStop() ? nil : outcome
  }
}

/// Pictures of a sweep: a folder's, or the bundled photographs.
public struct SweepPictures: Sendable {
  /// A picture with its name, and the path by which experiments call it.
  struct Picture: Sendable {
    let name: String
    let path: String
    let image: Image
  }

  private let folder: [Picture]?
  /// Pictures of a folder at most: all are held.
  private static let limit = 20_000

  public init() {
    folder = nil
  }

  /// Reads every PNG and JPEG picture of a folder, in the order of their names.
  ///
  /// - Throws: ``FileError`` when there is no such folder, no picture in it, or one that is damaged.
  public init(folder path: String) throws(FileError) {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw FileError(
        path: path, problem: "this folder of images cannot be read",
        remedy: "give a folder with PNG or JPEG pictures")
    }
    let pictures = names.filter { name in
      let name = name.lowercased()
      return [".png", ".jpg", ".jpeg"].contains(where: name.hasSuffix) && !name.hasPrefix(".")
    }
    guard pictures.count <= SweepPictures.limit else {
      throw FileError(
        path: path,
        problem: "there are \(pictures.count) pictures in this folder, more than the "
          + "\(SweepPictures.limit) allowed",
        remedy: "give a folder with fewer")
    }
    guard !pictures.isEmpty else {
      throw FileError(
        path: path, problem: "there are no PNG or JPEG pictures in this folder",
        remedy: "give a folder with some")
    }
    var read: [Picture] = []
    for name in pictures.sorted() {
      let file = path.hasSuffix("/") ? path + name : path + "/" + name
      read.append(Picture(name: name, path: file, image: try Image(contentsOf: file)))
    }
    folder = read
  }

  /// The pictures for a model with inputs of this size.
  func count(size: Int) -> Int { folder?.count ?? BundledImages.names.count }

  func all(size: Int) -> [Picture] {
    folder
      ?? BundledImages.all(size: BundledImages.size(forHeight: size)).map {
        Picture(name: $0.name, path: $0.name, image: $0.image)
      }
  }

  /// The pictures of these paths.
  func chosen(_ paths: [String], inputHeight: Int) -> [Picture] {
    let all = all(size: inputHeight)
    return paths.compactMap { path in all.first { $0.path == path } }
  }
}

extension SweepPlan {
  /// Runs of one plan at most, and pictures in all of them.
  private static let (runLimit, pictureLimit) = (1_000_000, 10_000_000)

  /// Refuses a plan of more runs than anybody waits for, before they are written out.
  private func checkCount(of pictures: SweepPictures) throws(SweepError) {
    var (runs, uses) = (0.0, 0.0)
    for group in groups {
      for size in group.sizes {
        let count = pictures.count(size: size)
        let product = [
          group.defences.count, group.attacks.count, group.seeds,
          min(count, group.pictures ?? count),
        ].reduce(1.0) { $0 * Double($1) }
        runs += product * Double(group.batchSizes.count)
        uses += product * group.batchSizes.reduce(0.0) { $0 + Double($1) }
      }
    }
    guard runs <= Double(SweepPlan.runLimit), uses <= Double(SweepPlan.pictureLimit) else {
      throw SweepError(
        "the plan has \(runs < 1e15 ? "\(Int(runs))" : "\(runs)") runs with \(uses < 1e15 ? "\(Int(uses))" : "\(uses)") "
          + "pictures in all, more than the \(SweepPlan.runLimit) and \(SweepPlan.pictureLimit) allowed; "
          + "shorten its lists, or split it")
    }
  }

  /// Every run of the plan, in its order, each once.
  ///
  /// - Throws: ``SweepError`` when these are too many, ``ModelError`` when there is no such model.
  public func tasks(of pictures: SweepPictures) throws -> [SweepTask] {
    try checkCount(of: pictures)
    var seen: Set<SweepTask> = []
    var result: [SweepTask] = []
    for group in groups {
      for size in group.sizes {
        for task in try group.tasks(of: pictures.all(size: size), size: size)
        where seen.insert(task).inserted {
          result.append(task)
        }
      }
    }
    return result
  }
}

extension SweepPlan.Group {
  fileprivate func tasks(
    of pictures: [SweepPictures.Picture], size: Int
  ) throws -> [SweepTask] {
    let classCount =
      try classes ?? ModelCatalog.architecture(named: model).defaults.classCount
    let fingerprints = pictures.map { $0.image.fingerprint }
    var experiment = Experiment()
    experiment.model = try modelChoice(size: size)
    var result: [SweepTask] = []
    for (batchSize, defence) in batchSizes.flatMap({ size in defences.map { (size, $0) } }) {
      experiment.defences = defence
      for attack in attacks {
        experiment.isAdaptive = attack.isAdaptive
        for offset in 0..<seeds {
          experiment.attack = configuration(attack, seed: firstSeed &+ UInt64(offset))
          for first in 0..<min(pictures.count, self.pictures ?? pictures.count) {
            let batch = (0..<batchSize).map { (first + $0) % pictures.count }
            var labels = RandomSource(seed: experiment.attack.seed).derive(label: "labels")
              .derive(label: pictures[first].name)
            experiment.data.pictures = batch.map { pictures[$0].path }
            experiment.data.labels = batch.map { _ in
              ExampleLabel(String(labels.integer(below: classCount)))
            }
            result.append(
              SweepTask(
                experiment,
                imageFingerprint: batch.map { fingerprints[$0] }.joined(separator: "+")))
          }
        }
      }
    }
    return result
  }

  private func modelChoice(size: Int) throws(ModelError) -> ModelChoice {
    var choice = ModelChoice(name: model)
    choice.classes = classes
    choice.size = size
    guard let activation else { return choice }
    guard let known = Activation(rawValue: activation) else {
      let names = Activation.allCases.map(\.rawValue)
      let hint = nearestSpelling(to: activation, in: names).map { "; did you mean \($0)?" } ?? ""
      throw ModelError("there is no activation called \(activation.quotedForMessage)\(hint)")
    }
    choice.activation = known
    return choice
  }

  private func configuration(_ attack: SweepAttack, seed: UInt64) -> AttackConfiguration {
    let plan = attack.plan
    var configuration = AttackConfiguration(attack.kind, defaultsOf: plan)
    configuration.seed = seed
    configuration.trials = trials ?? plan?.trials ?? 1
    configuration.iterations = iterations ?? plan?.iterations ?? 300
    configuration.snapshots = 0
    configuration.unknown = attack.unknown
    return configuration
  }
}

extension Image {
  /// Of the pixels.
  fileprivate var fingerprint: String {
    Fingerprint.of([("picture", Tensor([height, width, 3], .i32, pixels.map(Double.init)))])
  }
}

import Foundation
import Leakage
import ModelIO
import TensorGraph

/// One run of a sweep: everything that its result depends on.
public struct SweepTask: Codable, Sendable, Hashable {
  /// Version of gradleak: another one may give other results.
  public var tool = GradleakVersion.current
  public var model: String
  public var activation: String?
  public var classes: Int?
  public var size: Int
  public var defence: DefenceChain
  public var attack: SweepAttack
  public var batchSize: Int
  public var seed: UInt64
  public var trials: Int
  public var iterations: Int
  /// Names of the batch's pictures.
  public var images: [String]
  /// Of the pictures' pixels before they are fitted to the model.
  public var imageFingerprint: String

  public init(
    model: String, activation: String? = nil, classes: Int? = nil, size: Int,
    defence: DefenceChain, attack: SweepAttack, batchSize: Int, seed: UInt64, trials: Int,
    iterations: Int, images: [String], imageFingerprint: String
  ) {
    self.model = model
    self.activation = activation
    self.classes = classes
    self.size = size
    self.defence = defence
    self.attack = attack
    self.batchSize = batchSize
    self.seed = seed
    self.trials = trials
    self.iterations = iterations
    self.images = images
    self.imageFingerprint = imageFingerprint
  }

  /// What decides whether it can be run at all.
  public struct Setting: Hashable, Sendable {
    let model: String
    let activation: String?
    let classes: Int?
    let size: Int
    let defence: DefenceChain
    let batchSize: Int
  }

  public var setting: Setting {
    Setting(
      model: model, activation: activation, classes: classes, size: size, defence: defence,
      batchSize: batchSize)
  }

  /// The text that identifies this run: JSON with sorted keys.
  public var key: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }

  /// How the attack is run.
  var configuration: AttackConfiguration {
    let plan = attack.plan
    var configuration = AttackConfiguration(
      attack: attack.kind, precision: plan?.precision ?? AttackConfiguration().precision,
      seed: seed,
      trials: trials, iterations: iterations, snapshots: 0, plan: plan)
    configuration.unknown = attack.unknown
    return configuration
  }
}

/// Pictures of a sweep: a folder's, or the bundled photographs.
public struct SweepPictures: Sendable {
  private let folder: [(name: String, image: Image)]?
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
    var read: [(name: String, image: Image)] = []
    for name in pictures.sorted() {
      read.append((name, try Image(contentsOf: path + "/" + name)))
    }
    folder = read
  }

  /// The pictures for a model with inputs of this size.
  func count(size: Int) -> Int { folder?.count ?? BundledImages.names.count }

  func all(size: Int) -> [(name: String, image: Image)] {
    folder ?? BundledImages.all(size: size > 32 ? 64 : 32)
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
  /// - Throws: ``SweepError`` when these are too many.
  public func tasks(of pictures: SweepPictures) throws(SweepError) -> [SweepTask] {
    try checkCount(of: pictures)
    var seen: Set<SweepTask> = []
    var result: [SweepTask] = []
    for group in groups {
      for size in group.sizes {
        let all = pictures.all(size: size)
        let fingerprints = all.map { picture in
          Fingerprint.of([
            (
              "picture",
              Tensor(
                [picture.image.height, picture.image.width, 3], .i32,
                picture.image.pixels.map(Double.init))
            )
          ])
        }
        for (batchSize, defence) in group.batchSizes.flatMap({ size in
          group.defences.map { (size, $0) }
        }) {
          for attack in group.attacks {
            for offset in 0..<group.seeds {
              for first in 0..<min(all.count, group.pictures ?? all.count) {
                let batch = (0..<batchSize).map { (first + $0) % all.count }
                let task = SweepTask(
                  model: group.model, activation: group.activation, classes: group.classes,
                  size: size, defence: defence, attack: attack, batchSize: batchSize,
                  seed: group.firstSeed &+ UInt64(offset),
                  trials: group.trials ?? attack.plan?.trials ?? 1,
                  iterations: group.iterations ?? attack.plan?.iterations ?? 300,
                  images: batch.map { all[$0].name },
                  imageFingerprint: batch.map { fingerprints[$0] }.joined(separator: "+"))
                if seen.insert(task).inserted { result.append(task) }
              }
            }
          }
        }
      }
    }
    return result
  }
}

extension SweepTask {
  /// The model to attack.
  ///
  /// - Throws: ``ModelError`` when there is none, or an option does not fit it.
  public func makeModel() throws(ModelError) -> (model: Model, activation: String) {
    let architecture = try ModelCatalog.architecture(named: model)
    let channels = architecture.defaults.inputShape[0]
    var chosen: Activation?
    if let activation {
      guard let known = Activation(rawValue: activation) else {
        let names = Activation.allCases.map(\.rawValue)
        let hint = nearestSpelling(to: activation, in: names).map { "; did you mean \($0)?" } ?? ""
        throw ModelError("there is no activation called \(activation.quotedForMessage)\(hint)")
      }
      chosen = known
    }
    let model = try architecture.model(
      ModelOptions(
        inputShape: [channels, size, size], classCount: classes, activation: chosen))
    return (model, (chosen ?? architecture.defaults.activation).rawValue)
  }

  /// Whether its client can apply the defence; to be asked before anything runs.
  ///
  /// - Throws: ``ModelError`` as ``makeModel()``, ``AttackError`` when a defence cannot act.
  public func check(_ pictures: SweepPictures) throws {
    let model = try makeModel().model
    let companions =
      defence.needsCompanions
      ? CompanionImages(besides: batch(of: pictures, for: model), for: model, seed: seed).all : []
    try defence.check(
      for: DefenceSetting(
        model: model, batchSize: batchSize, companionCount: companions.count))
  }

  private func batch(of pictures: SweepPictures, for model: Model) -> [PrivateExample] {
    let byName = Dictionary(
      pictures.all(size: size).map { ($0.name, $0.image) }, uniquingKeysWith: { first, _ in first })
    var labels = RandomSource(seed: seed).derive(label: "labels").derive(label: images[0])
    return images.compactMap { name in
      byName[name].map {
        PrivateExample(
          name: name, picture: $0, label: labels.integer(below: model.classCount),
          inputShape: model.inputShape)
      }
    }
  }

  /// Runs it.
  ///
  /// - Parameter shouldStop: asked after every iteration; the result is nil when it said so.
  /// - Throws: ``ModelError`` or ``AttackError`` when the model or attack cannot be had.
  func run(
    pictures: SweepPictures, backend: any Backend, shouldStop: () -> Bool
  ) throws -> SimulatedAudit.Outcome? {
    let (model, activation) = try makeModel()
    let audit = SimulatedAudit(
      WeightedModel(untrained: model, seed: seed), activation: activation,
      weights: "untrained, initialised with seed \(seed)", backend: backend)
    let outcome = try audit.run(
      batch(of: pictures, for: model), configuration: configuration, defences: defence,
      isAdaptive: attack.isAdaptive
    ) { _, _ in shouldStop() ? .stop(.interrupted) : .proceed }
    return outcome.wasInterrupted || shouldStop() ? nil : outcome
  }
}

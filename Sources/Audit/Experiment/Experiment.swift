import Attacks
import Clients
import Defences
import Foundation
import ModelIO
import TensorGraph

/// Everything that an attack on one update depends on: the client's data, model, loss and training, what is
/// done to the update before it is shared, who attacks and how.
///
/// Commands parse their options into experiments, sweeps enumerate them, audits vary them, records embed
/// them. Written as JSON, keys that are left out have their defaults; see ``read(contentsOf:)``.
public struct Experiment: Codable, Hashable, Sendable {
  /// The format's version. Readers refuse a newer one; a version is raised whenever a key is added, so that a
  /// key that is not known is always a mistake.
  public static let currentVersion = 1

  public var version = Experiment.currentVersion
  public var data = ExperimentData()
  public var model = ModelChoice()
  public var loss = LossChoice()
  /// How the client's model computes.
  public var mode = ForwardMode.evaluation
  public var client = ClientTraining()
  /// What the client does before it shares its update; only of simulated clients.
  public var defences = DefenceChain.none
  /// Whether the attacker knows of the defences and answers them; see ``CounterAttack``.
  public var isAdaptive = true
  /// Attack, its settings, the attacker's knowledge, time limit, and the seed of weights, labels, noise and
  /// dummy data.
  public var attack = AttackConfiguration()
  /// A picture that the attacker has and a plan's search begins at; nil for none.
  public var start: String?

  public init() {}

  /// Examples behind the update, of all clients together.
  public var batchSize: Int {
    data.update.map { $0.batchSize * client.count } ?? data.pictures.count
  }

  /// - Throws: ``ExperimentError`` when members do not go together or numbers are out of range.
  public func check() throws(ExperimentError) {
    if let size = data.update?.batchSize, !(1...100_000).contains(size) {
      throw ExperimentError(
        "data.update.batchSize", "is \(size); give a number from 1 to 100000")
    }
    try model.check()
    try client.check()
  }

  /// Whether the client's weights are drawn from the seed.
  public var drawsWeights: Bool { !model.isFile && model.weights == nil }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case version, data, model, loss, mode, client, defences, isAdaptive, attack, start
  }

  public init(from decoder: any Decoder) throws {
    // The version first: a newer one may have other keys.
    version = try decoder.container(keyedBy: CodingKeys.self).value(.version, or: version)
    guard (1...Experiment.currentVersion).contains(version) else {
      throw ExperimentError(
        "",
        "the experiment has version \(version), and gradleak \(GradleakVersion.current) reads versions up "
          + "to \(Experiment.currentVersion)")
    }
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    data = try container.value(.data, or: data)
    model = try container.value(.model, or: model)
    loss = try container.value(.loss, or: loss)
    mode = try container.choice(.mode, or: mode)
    client = try container.value(.client, or: client)
    defences = try container.value(.defences, or: defences)
    isAdaptive = try container.value(.isAdaptive, or: isAdaptive)
    attack = try container.value(.attack, or: AttackSettings(attack)).configuration
    start = try container.value(.start)
    try check()
  }
}

/// The client's data: pictures, or an update that a client shared.
public struct ExperimentData: Codable, Hashable, Sendable {
  /// Paths of PNG, JPEG or .npy files, or names of bundled photographs: the private batch of a simulated
  /// client, or beside ``update`` what it is measured by.
  public var pictures: [String] = []
  /// For each picture whether it is mirrored (1), upside down (2) or both (3); nil for pictures as they are.
  public var turns: [Int]?
  /// One for each picture; beside ``update`` those that the attacker knows. Nil for labels drawn from the
  /// seed, or unknown ones.
  public var labels: [ExampleLabel]?
  public var readAs = PictureReading.pillow
  /// A client's update in a file; nil for a simulated client.
  public var update: UpdateChoice?

  public init() {}

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case pictures, turns, labels, readAs, update
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    pictures = try container.value(.pictures, or: pictures)
    turns = try container.value(.turns)
    labels = try container.value(.labels)
    readAs = try container.choice(.readAs, or: readAs)
    update = try container.value(.update)
  }
}

/// A client's update in a file.
public struct UpdateChoice: Codable, Hashable, Sendable {
  /// A safetensors file with tensors named as the model's parameters.
  public var file: String
  public var kind = UpdateKind.gradient
  /// Examples of each client.
  public var batchSize = 1

  public init(file: String, kind: UpdateKind = .gradient, batchSize: Int = 1) {
    self.file = file
    self.kind = kind
    self.batchSize = batchSize
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case file, kind, batchSize
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    file = try container.decode(String.self, forKey: .file)
    kind = try container.choice(.kind, or: kind)
    batchSize = try container.value(.batchSize, or: batchSize)
  }
}

/// A label as people write it: a class number such as "3"; for a binary cross entropy a set of classes such
/// as "0+3" or "none"; for a squared error numbers such as "0.5" or "0.5:1.2".
public struct ExampleLabel: Codable, Hashable, Sendable {
  public let text: String

  public init(_ text: String) {
    self.text = text
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Int.self) {
      text = String(number)
    } else if let number = try? container.decode(Double.self) {
      text = "\(number)"
    } else {
      text = try container.decode(String.self)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if let number = Int(text), String(number) == text {
      try container.encode(number)
    } else {
      try container.encode(text)
    }
  }
}

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
  public static let currentVersion = 5

  /// Of the format that it was read from.
  public var version = Experiment.currentVersion
  /// What the client holds.
  public var data = ExperimentData()
  /// What the client trains.
  public var model = ModelChoice()
  /// What the client minimises.
  public var loss = LossChoice()
  /// How the client's model computes.
  public var mode = ForwardMode.evaluation
  /// How the client trains.
  public var client = ClientTraining()
  /// What the client does before it shares its update; only of simulated clients.
  public var defences = DefenceChain.none
  /// Whether the attacker knows of the defences and answers them; see `CounterAttack`.
  public var isAdaptive = true
  /// Attack, its settings, the attacker's knowledge, time limit, and the seed of weights, labels, noise and
  /// dummy data.
  public var attack = AttackConfiguration()
  /// A picture that the attacker has and a plan's search begins at; nil for none.
  public var start: String?
  /// A folder with a causal language model that tells an attacker likely texts from others; nil for none.
  public var prior: String?

  /// One gradient of a LeNet, without examples yet.
  public init() {}

  /// Examples behind the update, of all clients together.
  public var batchSize: Int {
    data.update.map { $0.batchSize * client.count } ?? data.examples.count
  }

  /// - Throws: ``ExperimentError`` when members do not go together or numbers are out of range.
  public func check() throws(ExperimentError) {
    if let size = data.update?.batchSize, !(1...100_000).contains(size) {
      throw ExperimentError(
        "data.update.batchSize", "is \(size); give a number from 1 to 100000")
    }
    if let noise = data.update?.noiseVariance, !(noise > 0 && noise.isFinite) {
      throw ExperimentError(
        "data.update.noiseVariance", "is \(noise); give a variance above 0, or leave it out")
    }
    if data.update?.kind == .weights, model.weights == nil {
      throw ExperimentError(
        "model.weights",
        "is missing: the weights before, which those of the update are compared with")
    }
    try client.check()
    try DataKinds.kind(data.kind).check(self)
  }

  /// Whether the client's weights are drawn from the seed.
  public var drawsWeights: Bool { data.kind != .texts && !model.isFile && model.weights == nil }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case version, data, model, loss, mode, client, defences, isAdaptive, attack, start, prior
  }

  /// Reads it from a file.
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
    model =
      container.contains(.model)
      ? try ModelChoice(from: container.superDecoder(forKey: .model), of: data.kind)
      : ModelChoice(name: DataKinds.descriptor(data.kind).usualModel)
    loss = try container.value(.loss, or: loss)
    mode = try container.choice(.mode, or: mode)
    client = try container.value(.client, or: client)
    defences = try container.value(.defences, or: defences)
    isAdaptive = try container.value(.isAdaptive, or: isAdaptive)
    attack = try AttackSettings.configuration(
      from: container.contains(.attack) ? container.superDecoder(forKey: .attack) : nil, data.kind)
    start = try container.value(.start)
    prior = try container.value(.prior)
    try check()
  }
}

/// A label as people write it: a class number such as "3"; for a binary cross entropy a set of classes such
/// as "0+3" or "none"; for a squared error numbers such as "0.5" or "0.5:1.2".
public struct ExampleLabel: Codable, Hashable, Sendable {
  /// As people write it.
  public let text: String

  /// - Parameter text: as people write it; checked where the loss is known.
  public init(_ text: String) {
    self.text = text
  }

  /// Reads it from a file.
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

  /// Writes it into a file.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if let number = Int(text), String(number) == text {
      try container.encode(number)
    } else {
      try container.encode(text)
    }
  }
}

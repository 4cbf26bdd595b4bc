import Clients
import ModelIO
import Solvers

/// Who exchanges what with whom.
package enum Topology: String, Codable, Sendable, CaseIterable {
  /// Workers share with a server, which shares the mean with them (Zhu et al. 2019, figure 1, left).
  case parameterServer = "parameter-server"
  /// All-reduce: each worker shares with its neighbour, part by part (Zhu et al. 2019, figure 1, right).
  case ring
}

/// What keeps a server from reading a worker's update.
package enum Protection: String, Codable, Sendable, CaseIterable {
  /// Nothing: what is shared is in the clear.
  case none
  /// Masks that cancel out in the sum (Bonawitz et al. 2017).
  case secureAggregation = "secure-aggregation"
  /// Paillier's additive encryption, the workers holding one key (Phong et al. 2018).
  case paillier
  /// Additive encryption of approximate numbers, the workers holding one key (Cheon et al. 2017).
  case ckks
}

extension Protection {
  /// The scheme that encrypts; nil where nothing is encrypted.
  package var scheme: EncryptionScheme? {
    switch self {
    case .none, .secureAggregation: nil
    case .paillier: .paillier
    case .ckks: .ckks
    }
  }
}

/// What all parties of a federation have agreed upon.
package struct FederationSettings: Codable, Hashable, Sendable {
  /// Who exchanges what with whom.
  package var topology = Topology.parameterServer
  /// At the beginning.
  package var workers = 8
  /// Of training.
  package var rounds = 20
  /// Of every step, the server's in FedSGD and the workers' own in FedAvg.
  package var learningRate = 0.1
  /// Private examples that a worker takes in each round.
  package var batchSize = 8
  /// Passes through these before a worker shares its weights (FedAvg); nil for one gradient (FedSGD).
  package var epochs: Int?
  /// Examples of each local step; nil for all.
  package var miniBatch: Int?
  /// Probability that a worker drops out of a round.
  package var dropout = 0.0
  /// Probability that a worker answers late.
  package var stragglers = 0.0
  /// How late, in seconds.
  package var delay = 1.0
  /// Seconds that a round waits for its workers.
  package var timeout = 30.0
  /// Fewest workers that a round needs.
  package var fewest = 1
  /// Of weights, batches, dropouts, and in a study of secrets too.
  package var seed: UInt64 = 0
  /// What keeps a server from reading a worker's update.
  package var protection = Protection.none
  /// Of secure aggregation: the least number of workers that end a round; nil for just over half.
  package var threshold: Int?
  /// Of secure aggregation: values are clipped to plus and minus this.
  package var clip: Double = VectorQuantizer.flowerClip
  /// Of secure aggregation: steps that values are rounded to; nil for 2^22, or as many as sums have room for.
  package var levels: Int?
  /// Of secure aggregation: bits of the masks' seeds; fewer than 256 to study weak masks.
  package var seedBits = 256
  /// Of encryption: parameters, by name or by the name of the layer or block that they are in, that travel encrypted
  /// while the rest is in the clear; none for all.
  package var encryptOnly: [String] = []
  /// Rounds that the study taps; none of them tell it of their batches otherwise.
  package var tapped: [Int] = []

  /// Eight workers and a server.
  package init() {}

  /// Whether workers share weights after local steps.
  package var sharesWeights: Bool { epochs != nil }

  /// What workers share.
  package var updateKind: UpdateKind { sharesWeights ? .weights : .gradient }

  /// - Throws: ``FederationError`` of kind `badInput` for a number out of range, or settings that do not go together.
  package func check() throws(FederationError) {
    for (name, number, range) in [
      ("workers", workers, 1...1000), ("rounds", rounds, 1...100_000),
      ("examples of a worker in a round", batchSize, 1...100_000),
      ("epochs", epochs ?? 1, 1...1000),
      ("examples of a local step", miniBatch ?? 1, 1...100_000),
      ("fewest workers of a round", fewest, 1...workers),
    ] where !range.contains(number) {
      throw FederationError(
        "\(number) \(name) cannot be; give a number from \(range.lowerBound) to \(range.upperBound)",
        .badInput)
    }
    guard learningRate > 0, learningRate.isFinite else {
      throw FederationError(
        advising:
          "the learning rate is \(learningRate); give \(.learningRate, 0.1), or another number above 0",
        .badInput)
    }
    for (name, share) in [("drops out", dropout), ("answers late", stragglers)]
    where !(0..<1).contains(share) {
      throw FederationError(
        "a worker \(name) with probability \(share); give a number from 0 to below 1", .badInput)
    }
    for (name, seconds) in [("late by", delay), ("given up after", timeout)]
    where !(seconds > 0 && seconds <= 86_400) {
      throw FederationError(
        "workers are \(name) \(seconds) seconds; give a number above 0, a day at most", .badInput)
    }
    guard miniBatch == nil || epochs != nil else {
      throw FederationError(
        advising: "mini-batches belong to local steps; give \(.epochs, 1) too", .badInput)
    }
    guard topology == .parameterServer || workers >= 2 else {
      throw FederationError("a ring has 2 workers or more, not \(workers)", .badInput)
    }
    if protection == .secureAggregation, topology == .parameterServer {
      _ = try quantizer()
      _ = try secureAggregation(valueCount: 1)
    }
    if let scheme = protection.scheme, workers * batchSize > scheme.maximumWeight {
      throw FederationError(
        "\(scheme.rawValue) adds right up to a weight of \(scheme.maximumWeight) in all, and \(workers) workers of "
          + "\(batchSize) examples may weigh \(workers * batchSize); take smaller batches, fewer workers or ckks",
        .badInput)
    }
    guard encryptOnly.isEmpty || protection.scheme != nil else {
      throw FederationError(
        "parameters are named that travel encrypted, and nothing is; take ckks or paillier as protection",
        .badInput)
    }
    if topology == .ring, protection.scheme != nil {
      throw FederationError(
        "in a ring every worker adds to what its neighbour sends and reads the sum, so whoever may read the sum "
          + "holds the key and reads the neighbour's share too; encryption needs a parameter server, which has no "
          + "key, or a key that only several workers together can use", .badInput)
    }
    if topology == .ring, protection == .secureAggregation {
      throw FederationError(
        "secure aggregation is told here for a server that adds; take a parameter server", .badInput
      )
    }
  }
}

// MARK: - Secure aggregation

extension FederationSettings {
  /// How values become words whose sums have room.
  ///
  /// - Throws: ``FederationError`` of kind `badInput` where they have none.
  package func quantizer() throws(FederationError) -> VectorQuantizer {
    let room = Int(UInt32.max) / (workers * batchSize)
    return try VectorQuantizer(
      clientCount: workers, clip: clip,
      levels: levels ?? min(VectorQuantizer.flowerLevels, max(room, 1)), maxWeight: batchSize)
  }

  /// The protocol's settings for vectors of so many values.
  ///
  /// - Throws: ``FederationError`` of kind `badInput` for numbers out of range.
  package func secureAggregation(
    valueCount: Int
  ) throws(FederationError) -> SecureAggregationSettings {
    try SecureAggregationSettings(
      clientCount: workers, threshold: threshold,
      vectorLength: try quantizer().wordCount(for: valueCount), seedBits: seedBits)
  }

  /// One run of the protocol, named by the seed.
  ///
  /// - Parameter attempt: how often the round was begun before.
  func session(
    round: Int, attempt: Int
  ) throws(FederationError) -> SecureAggregationSession {
    var source = RandomSource(seed: seed).derive(label: "sessions").derive(index: round)
      .derive(index: attempt)
    return try SecureAggregationSession(round: round, using: &source)
  }
}

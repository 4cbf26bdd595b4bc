import ArgumentParser
import Attacks
import Audit
import Clients
import Federation
import ModelIO
import Texts

extension Topology: ExpressibleByArgument {
  /// For the help of options.
  public static let allValueDescriptions = HelpLevel.described([
    "parameter-server": "workers share with a server, which sends the mean back",
    "ring": "all-reduce: workers share with their neighbours, part by part",
  ])
}

extension Protection: ExpressibleByArgument {
  /// For the help of options.
  public static let allValueDescriptions = HelpLevel.described([
    "none": "in the clear",
    "secure-aggregation": "masks that cancel out in the sum",
    "paillier": "additive encryption with one key of all workers",
    "ckks": "additive encryption of approximate numbers, likewise",
  ])
}

extension Adversary: ExpressibleByArgument {
  /// For the help of options.
  public static let allValueDescriptions = HelpLevel.described([
    "honest": "keeps to the protocol",
    "inconsistent-models": "sends all but one a model without gradients",
    "differencing": "runs a round twice, the second time without one worker",
    "robbing-the-fed":
      "sends all one model with bins planted in front, and reads the sum (a gradient)",
    "trap-weights": "sends all a first layer of traps, and reads the sum; of models such as mlp",
    "colluders": "is told by all workers but one what they shared; with encryption, the key by one",
  ])
}

extension PictureSource.Shards: ExpressibleByArgument {
  /// For the help of options.
  public static let allValueDescriptions = HelpLevel.described([
    "equal": "random parts of one size",
    "unequal": "random parts of 1, 2, 3, … shares",
    "by-class": "sorted by class first",
  ])
}

/// How a federation trains, and on what.
struct FederationOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Who exchanges what with whom.", valueName: "name"))
  var topology: Topology = .parameterServer

  @Option(help: ArgumentHelp("What keeps the server from reading updates.", valueName: "name"))
  var protection: Protection = .none

  @Option(
    help: ArgumentHelp(
      "What the server does besides looking on, in the rounds that are tapped, to one worker after the other.",
      valueName: "name"))
  var server: Adversary = .none

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Of a server that is robbing-the-fed: bins that pictures are sorted into.", valueName: "n",
      visibility: .rare))
  var bins = 256

  @Option(parsing: .unconditional, help: ArgumentHelp("Workers.", valueName: "n"))
  var workers = 8

  @Option(parsing: .unconditional, help: ArgumentHelp("Rounds of training.", valueName: "n"))
  var rounds = 20

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Private examples of a worker in a round.", valueName: "n"))
  var batchSize = 8

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Passes through these before a worker shares its weights (FedAvg); without it each shares one gradient (FedSGD).",
      valueName: "n"))
  var epochs: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Examples of each local step. (default: all)", valueName: "n", visibility: .rare))
  var miniBatch: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Of every step.", valueName: "rate"))
  var learningRate = 0.1

  @Option(
    help: ArgumentHelp(
      "fashion-mnist, photographs, texts, a folder of classes (folders of pictures, or .txt files), or a file of texts. "
        + "(default: fashion-mnist)", valueName: "name or path")
  )
  var data: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Examples of all workers together. (default: all)", valueName: "n", visibility: .rare))
  var examples: Int?

  @Option(
    help: ArgumentHelp(
      "How examples are shared out.", valueName: "name", visibility: .rare))
  var shards: PictureSource.Shards = .equal

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Probability that a worker drops out of a round.", valueName: "p", visibility: .rare))
  var dropout = 0.0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Probability that a worker answers --delay seconds late.", valueName: "p", visibility: .rare))
  var stragglers = 0.0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How late stragglers answer.", valueName: "seconds", visibility: .rare))
  var delay = 1.0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How long a round waits for its workers. (default: 30; with paillier 600)",
      valueName: "seconds", visibility: .rare))
  var timeout: Double?

  @Option(
    name: .customLong("encrypt-only"),
    help: ArgumentHelp(
      "Of encryption: a layer, or a parameter, that travels encrypted while the rest is in the clear; repeat for more. "
        + "(default: all)", valueName: "name", visibility: .rare))
  var encryptOnly: [String] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Of secure aggregation: workers that a round needs. (default: just over half)",
      valueName: "n",
      visibility: .rare))
  var survivors: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Of secure aggregation: values are clipped to plus and minus this.", valueName: "value",
      visibility: .rare))
  var clip = 8.0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Of secure aggregation: steps that values are rounded to. (default: 4194304, or what sums have room for)",
      valueName: "n", visibility: .rare))
  var levels: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Fewest workers that a round needs.", valueName: "n", visibility: .rare))
  var fewest = 1

  /// The settings that the options state, without what is tapped.
  func settings(seed: UInt64) -> FederationSettings {
    var settings = FederationSettings()
    (settings.topology, settings.protection) = (topology, protection)
    (settings.workers, settings.rounds) = (workers, rounds)
    (settings.batchSize, settings.epochs, settings.miniBatch) = (batchSize, epochs, miniBatch)
    settings.learningRate = learningRate
    (settings.dropout, settings.stragglers, settings.delay) = (dropout, stragglers, delay)
    settings.timeout = timeout ?? (protection == .paillier ? 600 : 30)
    settings.encryptOnly = encryptOnly
    (settings.fewest, settings.seed) = (fewest, seed)
    (settings.threshold, settings.clip, settings.levels) = (survivors, clip, levels)
    return settings
  }

  /// The data that the options name.
  func dataChoice() throws -> FederationData {
    var choice = try data.map { FederationData(try FederationOptions.source($0)) } ?? .usual
    choice.count = examples
    choice.shards = shards
    return choice
  }

  /// What a word for data means.
  static func source(_ text: String) throws -> FederationData.Source {
    guard let source = FederationData.Source(text) else {
      throw ValidationError(
        "--data is \(text.quotedForMessage), which is no folder or file; give fashion-mnist, photographs, texts, a folder "
          + "with a folder of pictures or a .txt file for each class, or a file with one text a line."
      )
    }
    return source
  }

  /// Says what data are used where the usual ones are not there.
  static func remark(on data: FederationData, isChosen: Bool) {
    guard case .photographs = data.source, !isChosen else { return }
    Notes.remark(
      """
      Fashion-MNIST is not installed (apt-get install dataset-fashion-mnist); the workers train on windows of the \
      bundled photographs.
      """)
  }

  func validate() throws {
    try check("--bins", bins, 2...65536)
    if let examples { try check("--examples", examples, 1...10_000_000) }
    do {
      try settings(seed: 0).check()
      try server.check(settings(seed: 0))
    } catch {
      throw ValidationError(error.sentence.namingOptions + ".")
    }
  }
}

extension AttackOptions {
  /// How updates of a federation are attacked.
  ///
  /// - Parameters:
  ///   - kind: of the private data.
  ///   - seconds: of attack on one update where nothing else is asked for.
  /// - Throws: ``AttackError`` when the plan is not right, or the attack is on data of another kind.
  func federationConfiguration(
    on kind: DataKindName = .pictures, by threat: AttackerOptions, seconds: Double
  ) throws -> AttackConfiguration {
    if kind == .texts {
      var configuration = AttackConfiguration(
        try choice.map { try TextAttackKind(named: $0.name) } ?? .automatic)
      configuration.seed = seed
      configuration.timeLimit = timeLimit ?? seconds
      try threat.add(to: &configuration)
      return configuration
    }
    var configuration = try configuration(chosenAttack ?? .automatic, by: threat, seed: seed)
    configuration.timeLimit = configuration.timeLimit ?? seconds
    return configuration
  }
}

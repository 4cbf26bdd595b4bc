import ArgumentParser
import Audit
import Federation

/// How a federation with a malicious client trains, and what that does.
struct GANOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The class that the victim alone has. (default: 9, ankle boots, of Fashion-MNIST; else the last)",
      valueName: "n"))
  var targetClass: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Clients: the first is the victim, the last the malicious one.", valueName: "n"))
  var workers = 3

  @Option(parsing: .unconditional, help: ArgumentHelp("Rounds of training.", valueName: "n"))
  var rounds = 100

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Private examples that a client takes in a round.", valueName: "n"))
  var batchSize = 256

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Passes through these in each round.", valueName: "n", visibility: .rare))
  var epochs = 1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Examples of each local step.", valueName: "n", visibility: .rare))
  var miniBatch = 16

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Of every local step.", valueName: "rate", visibility: .rare))
  var learningRate = 0.1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Pictures of the generator that the malicious client adds to its batch in each round; 0 for one that looks on.",
      valueName: "n"))
  var fakes = 64

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Steps of the generator in each round.", valueName: "n", visibility: .rare))
  var generatorSteps = 5

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Of the generator's Adam.", valueName: "rate", visibility: .rare))
  var generatorRate = 0.002

  @Option(
    help: ArgumentHelp(
      "fashion-mnist (Debian's dataset-fashion-mnist), photographs (bundled), or a folder with a folder of pictures for "
        + "each class. (default: fashion-mnist where it is installed)", valueName: "name or folder")
  )
  var data: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Examples of all clients together.", valueName: "n", visibility: .rare))
  var examples = 12_000

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Trainings, each with a seed of its own.", valueName: "n"))
  var runs = 1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Pictures of the generator that are measured in each run.", valueName: "n", visibility: .rare)
  )
  var samples = 32

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The victim's pictures whose gradients are attacked in each run.", valueName: "n"))
  var records = 8

  /// Held-out pictures at most: all of Fashion-MNIST's, and of pictures that are made or read one by one.
  private static let heldOut = (fashion: 10_000, others: 2000)
  /// Fashion-MNIST's ankle boots.
  private static let usualFashionClass = 9

  func settings(seed: UInt64) -> FederationSettings {
    var settings = FederationSettings()
    (settings.workers, settings.rounds, settings.batchSize) = (workers, rounds, batchSize)
    (settings.epochs, settings.miniBatch) = (epochs, miniBatch)
    (settings.learningRate, settings.seed) = (learningRate, seed)
    return settings
  }

  /// The data that the options name.
  func dataChoice() throws -> FederationData {
    var choice = try data.map { FederationData(try FederationOptions.source($0)) } ?? .usual
    choice.count = examples
    choice.heldOut = GANOptions.heldOut.others
    if case .fashionMNIST = choice.source { choice.heldOut = GANOptions.heldOut.fashion }
    return choice
  }

  func attack(on data: FederationData) throws -> GANSettings {
    var target = targetClass
    if target == nil, case .fashionMNIST = data.source { target = GANOptions.usualFashionClass }
    var settings = GANSettings(targetClass: target ?? (data.usualModel?.classes ?? 1) - 1)
    (settings.generatorSteps, settings.generatorRate) = (generatorSteps, generatorRate)
    settings.fakes = fakes
    return settings
  }

  var extent: GANStudy.Extent {
    var extent = GANStudy.Extent()
    (extent.runs, extent.samples, extent.records) = (runs, samples, records)
    return extent
  }

  func validate() throws {
    try check("--workers", workers, 2...1000)
    try check("--examples", examples, 2...10_000_000)
    try check("--runs", runs, 1...1000)
    try check("--samples", samples, 1...10_000)
    try check("--records", records, 0...10_000)
    if let targetClass { try check("--target-class", targetClass, 0...999_999) }
    do {
      try settings(seed: 0).check()
    } catch {
      throw ValidationError(error.sentence.namingOptions + ".")
    }
  }
}

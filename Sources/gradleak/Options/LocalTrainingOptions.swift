import ArgumentParser
import Audit
import Clients

/// How a client trains between the weights it gets and the update it shares.
struct LocalTrainingOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The client's passes through its batch before it shares an update. (default: 1)",
      valueName: "n", visibility: .rare))
  var epochs: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Examples in each of the client's local steps. (default: the whole batch)", valueName: "n",
      visibility: .rare))
  var miniBatch: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Instead of --epochs: the client's local steps.", valueName: "n", visibility: .rare))
  var localSteps: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The client's learning rate, for a difference of weights and for local steps.",
      valueName: "rate"))
  var learningRate: Double?

  @OptionGroup var steps: OptimizerOptions

  func validate() throws {
    if let localSteps { try check("--local-steps", localSteps, 1...1_000_000) }
    try checkSteps(of: nil)
    if epochs != nil, localSteps != nil {
      throw ValidationError("--epochs and --local-steps exclude each other; leave one out.")
    }
    if try isGiven, learningRate == nil {
      throw ValidationError(
        "Local steps need the client's learning rate; give it with --learning-rate.")
    }
  }

  /// Checks what can be checked before it is known how many examples there are.
  ///
  /// - Parameter aggregate: among whom batches are divided; nil for one client.
  /// - Throws: ``ValidationError`` as ``ClientTraining/check()``.
  func checkSteps(of aggregate: ClientOptions?) throws {
    var choice = try stated(aggregate)
    // An epoch has a step at least.
    choice.epochs = epochs ?? localSteps
    try naming { try choice.check() }
  }

  /// Whether more than a single plain step is described.
  var isGiven: Bool {
    get throws { try localSteps ?? 1 > 1 || stated(nil).hasLocalSteps }
  }

  /// What the options say.
  ///
  /// - Parameters:
  ///   - exampleCount: of each client.
  ///   - aggregate: among whom batches are divided; nil for one client.
  /// - Throws: ``ValidationError`` for a number of local steps that no number of epochs makes.
  func choice(exampleCount: Int, _ aggregate: ClientOptions? = nil) throws -> ClientTraining {
    var choice = try stated(aggregate)
    guard let localSteps, try isGiven else { return choice }
    let size = miniBatch ?? exampleCount
    let stepsPerEpoch = max((exampleCount + size - 1) / size / max(steps.accumulate, 1), 1)
    guard localSteps % stepsPerEpoch == 0 else {
      throw ValidationError(
        "--local-steps is \(localSteps), and an epoch of \(exampleCount) examples in mini-batches of "
          + "\(size) has \(stepsPerEpoch); give a multiple of that, or --epochs.")
    }
    choice.epochs = localSteps / stepsPerEpoch
    return choice
  }

  /// The options one by one, without what local steps come to.
  private func stated(_ aggregate: ClientOptions?) throws -> ClientTraining {
    var choice = ClientTraining()
    choice.epochs = epochs
    choice.miniBatch = miniBatch
    choice.learningRate = learningRate
    choice.steps = try steps.choice()
    choice.count = aggregate?.clients ?? 1
    choice.shufflesEpochs = aggregate?.shuffleEpochs ?? false
    return choice
  }
}

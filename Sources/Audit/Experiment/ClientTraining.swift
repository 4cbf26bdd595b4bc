import Clients

/// What clients do between the weights they get and the update that is shared: one gradient, or local steps;
/// of several clients the mean of their updates.
public struct ClientTraining: Codable, Hashable, Sendable {
  /// Passes through each client's batch.
  public var epochs: Int?
  /// Examples of each local step; nil for the whole batch.
  public var miniBatch: Int?
  /// Of local steps, and of a difference of weights.
  public var learningRate: Double?
  /// How steps are made of gradients.
  public var steps = StepChoice()
  /// Clients of whose updates the attacker sees the mean alone.
  public var count = 1
  /// Whether each client goes through its batch in a new order in each epoch, which the attacker does not know.
  public var shufflesEpochs = false
  /// Whether a client of a language model shares no gradients of its embeddings.
  public var freezesEmbeddings = false
  /// Rank of the fresh adapters that a client of a language model trains instead of its weights; nil for none.
  public var adapterRank: Int?

  /// One gradient of one client.
  public init() {}

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case epochs, miniBatch, learningRate, count, shufflesEpochs, freezesEmbeddings, adapterRank
  }

  /// Reads it from a file.
  public init(from decoder: any Decoder) throws {
    try decoder.requireKnown(
      CodingKeys.allCases.map(\.stringValue) + StepChoice.CodingKeys.allCases.map(\.stringValue))
    let container = try decoder.container(keyedBy: CodingKeys.self)
    epochs = try container.value(.epochs)
    miniBatch = try container.value(.miniBatch)
    learningRate = try container.value(.learningRate)
    steps = try StepChoice(from: decoder)
    count = try container.value(.count, or: count)
    shufflesEpochs = try container.value(.shufflesEpochs, or: shufflesEpochs)
    freezesEmbeddings = try container.value(.freezesEmbeddings, or: freezesEmbeddings)
    adapterRank = try container.value(.adapterRank)
  }

  /// Writes it into a file.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encodeIfPresent(epochs, forKey: .epochs)
    try container.encodeIfPresent(miniBatch, forKey: .miniBatch)
    try container.encodeIfPresent(learningRate, forKey: .learningRate)
    try container.encode(count, forKey: .count)
    try container.encode(shufflesEpochs, forKey: .shufflesEpochs)
    try container.encode(freezesEmbeddings, forKey: .freezesEmbeddings)
    try container.encodeIfPresent(adapterRank, forKey: .adapterRank)
    try steps.encode(to: encoder)
  }

  /// Whether more than a single plain step is described.
  public var hasLocalSteps: Bool {
    epochs != nil || miniBatch != nil || steps != StepChoice()
  }

  /// - Throws: ``ExperimentError`` when members do not go together or numbers are out of range.
  public func check() throws(ExperimentError) {
    for (place, number) in [("client.epochs", epochs), ("client.miniBatch", miniBatch)] {
      if let number, !(1...1_000_000).contains(number) {
        throw ExperimentError(place, "is \(number); give a number from 1 to 1000000")
      }
    }
    guard (1...200).contains(count) else {
      throw ExperimentError("client.count", "is \(count); give a number from 1 to 200")
    }
    if let adapterRank, !(1...65536).contains(adapterRank) {
      throw ExperimentError(
        "client.adapterRank", "is \(adapterRank); give a number from 1 to 65536")
    }
    if shufflesEpochs, epochs ?? 1 <= 1 {
      throw ExperimentError(
        "client.shufflesEpochs", "is about the order of several epochs; give their number")
    }
    try steps.check()
  }

  /// The training on a batch of this size; nil where one client's gradient is shared.
  ///
  /// - Parameters:
  ///   - exampleCount: of all clients together.
  ///   - parameters: of the model that is trained.
  /// - Throws: ``ExperimentError`` as ``check()``, or for local steps without a learning rate;
  ///   `AttackError` when a number is out of range; `FileError` when the optimiser's state cannot be read.
  public func training(
    exampleCount: Int, for parameters: [ParameterSpec]
  ) throws -> LocalTraining? {
    try check()
    guard hasLocalSteps || count > 1 else { return nil }
    guard learningRate != nil || !hasLocalSteps else {
      throw ExperimentError(
        "client.learningRate", "is missing; local steps need the client's learning rate")
    }
    guard exampleCount % count == 0 else {
      throw ExperimentError(
        "client.count", "is \(count), among whom \(exampleCount) examples do not go round")
    }
    let ofEach = exampleCount / count
    // A single plain step does not depend on its rate.
    return try LocalTraining(
      clientSizes: Array(repeating: ofEach, count: count), miniBatchSize: miniBatch ?? ofEach,
      epochs: epochs ?? 1, learningRate: learningRate ?? 1, by: try steps.rule(for: parameters),
      isOrderKnown: !shufflesEpochs)
  }
}

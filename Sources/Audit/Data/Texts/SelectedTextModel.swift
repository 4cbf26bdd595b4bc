import Clients
import ModelIO
import TensorGraph
import Texts

/// A language model that was chosen, with its weights.
struct SelectedTextModel: Sendable {
  let folder: TextModelFolder
  /// What the client trains instead of the weights; nil for those.
  let adapters: LowRankAdapters?
  /// What the user should know of it.
  let notes: [Sentence]
  /// Whether every seed draws weights of its own, at least in part.
  let isDrawn: Bool
  let summary: ModelSummary

  var weighted: WeightedTextModel { folder.weighted }
  var model: TextModel { folder.weighted.model }
  var tokenizer: Tokenizer { folder.tokenizer }

  /// The weights by their names, where a client's training decays them apart from their gradients; else none.
  func decayingWeights(_ training: LocalTraining?) -> [String: Tensor] {
    guard training?.rule.optimizer.isDecayDecoupled == true else { return [:] }
    return Dictionary(
      uniqueKeysWithValues: zip(model.parameters.map(\.name), weighted.parameters))
  }

  /// - Parameters:
  ///   - adapterRank: of fresh adapters; nil for none.
  ///   - seed: of a fresh head and fresh adapters.
  /// - Throws: ``FileError``, ``ModelError`` or ``ExperimentError`` when the model cannot be had.
  init(
    _ choice: ModelChoice, adapterRank: Int?, seed: UInt64, backend: any Backend
  ) throws {
    var notes: [Sentence] = []
    var name = choice.name
    var base: TextModelFolder
    if let tokenizer = choice.tokenizer {
      let imported = try ImportedTextModel(contentsOf: choice.name, backend: backend)
      notes = imported.notes.map { Sentence($0) }
      base = try TextModelFolder(imported.weighted, tokenizerOf: tokenizer)
    } else if choice.name == BundledText.modelName {
      name = BundledText.name
      base = try BundledText.model(head: try choice.textHead(), seed: seed)
    } else {
      base = try TextModelFolder(choice.name, head: try choice.textHead(), seed: seed)
    }
    if let weights = choice.weights {
      base = try base.replacing(weightsOf: weights, seed: seed)
      name = weights
    }
    let trained = try choice.adapter.map { try AdapterFolder($0, for: base.weighted) }
    let folder = trained.map { base.replacing($0.weighted) } ?? base
    self.folder = folder
    adapters =
      try trained?.adapters
      ?? adapterRank.map {
        try LowRankAdapters(freshFor: folder.weighted.model, rank: $0, seed: seed)
      }
    isDrawn = !folder.freshParameters.isEmpty || adapterRank != nil
    self.notes = notes
    let (model, weighted) = (folder.weighted.model, folder.weighted)
    summary = ModelSummary(
      name: model.name, activation: model.configuration.activation.rawValue,
      inputShape: [model.configuration.positions], classCount: model.labelClasses,
      parameterCount: weighted.parameters.reduce(0) { $0 + $1.shape.elementCount },
      weights: .languageModel(name, headSeed: folder.freshParameters.isEmpty ? nil : seed),
      fingerprint: Fingerprint.of(
        Array(zip(model.parameters.map(\.name), weighted.parameters))))
  }
}

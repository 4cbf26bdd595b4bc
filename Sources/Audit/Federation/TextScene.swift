import Clients
import Federation
import ModelIO
import Solvers
import TensorGraph
import Texts

/// A federation whose workers train a language model to tell texts' classes.
struct TextScene: FederationScene {
  private let selected: SelectedTextModel
  private let isDrawn: Bool
  private let training: LabelledTexts
  private let heldOut: LabelledTexts
  /// Tokens of a text at most.
  private let length: Int
  let vector: ParameterVector

  /// - Throws: `FileError`, `ModelError`, ``ExperimentError`` or ``FederationError`` when model or data cannot be had.
  init(_ plan: FederationPlan, _ source: FederationData.TextSource, backend: any Backend) throws {
    let settings = plan.settings
    try settings.check()
    selected = try SelectedTextModel(
      plan.model, adapterRank: nil, seed: settings.seed, backend: backend)
    guard case .classification(let classes) = selected.model.configuration.head,
      selected.model.configuration.loss == .crossEntropy
    else {
      throw FederationError(
        "\(selected.model.name) tells no classes apart, which workers train it for; give a model with another head",
        .badInput)
    }
    vector = ParameterVector(
      selected.model.parameters.map { ($0.name, TensorType($0.shape, .f32)) })
    try settings.check(vector)
    (training, heldOut) = try plan.data.readTexts(
      source, workers: settings.workers, seed: settings.seed)
    if let label = training.labels.max(), label >= classes {
      throw FederationError(
        advising:
          "the data has \(label + 1) classes and the model \(classes); give \(.classes, label + 1)",
        .badInput)
    }
    if case .folder = source { isDrawn = false } else { isDrawn = true }
    length = selected.model.configuration.positions
    for text in training.texts + heldOut.texts { _ = try selected.tokens(of: text) }
  }

  var modelName: String { selected.model.name }
  var weights: [Tensor] { selected.weighted.parameters.map { $0.converted(to: .f32) } }
  var buffers: [String: Tensor] { [:] }
  var deadWeights: [Tensor]? { nil }
  var lastBias: String? { nil }
  var readsPartsOfTensors: Bool { false }

  var notes: [Sentence] {
    selected.notes
      + (isDrawn
        ? [
          "Texts of one file have classes drawn at random, so that accuracy says nothing; a folder with a .txt file for each class tells them."
        ] : [])
  }

  func shard(
    of worker: Int, _ plan: FederationPlan, backend: any Backend
  ) throws -> any PrivateShard {
    let positions = try plan.positions(of: worker, labels: training.labels)
    return try shard(training.choosing(positions), backend)
  }

  func ownShard(
    _ data: FederationData, seed: UInt64, backend: any Backend
  ) throws -> any PrivateShard {
    guard case .texts(let source) = data.source else {
      throw FederationError("the federation trains on texts; give a worker texts too", .badInput)
    }
    return try shard(try data.readTexts(source, workers: 1, seed: seed).training, backend)
  }

  private func shard(_ texts: LabelledTexts, _ backend: any Backend) throws -> TextShard {
    TextShard(
      texts, tokens: try texts.texts.map { try selected.tokens(of: $0) },
      TextGradients(selected.weighted, length: length, backend: backend))
  }

  func evaluator(backend: any Backend) throws -> any ModelEvaluator {
    TextAccuracy(try shard(heldOut, backend))
  }

  func writeTruth(_ batches: [RoundTap.Batch], to path: String) throws(FileError) {}

  func enter(_ batches: [RoundTap.Batch], at path: String, into experiment: inout Experiment) {
    experiment.data.kind = .texts
    experiment.data.examples = batches.flatMap(\.texts)
  }

  func run(
    _ experiment: Experiment, _ batches: [RoundTap.Batch], name: String, backend: any Backend,
    observe: (ExperimentProgress) -> SolverDecision
  ) throws -> AuditOutcome {
    let count = batches.reduce(0) { $0 + $1.texts.count }
    let runner = try DataKinds.kind(.texts).runner(
      for: experiment, batchSizes: [count], backend: backend)
    return try runner.prepare(
      experiment, names: (0..<count).map { count == 1 ? name : "\(name)-\($0 + 1)" }
    ).run(observe: observe)
  }
}

/// Private texts.
final class TextShard: PrivateShard {
  private let texts: LabelledTexts
  private let tokens: [[Int]]
  private let gradients: TextGradients

  init(_ texts: LabelledTexts, tokens: [[Int]], _ gradients: TextGradients) {
    (self.texts, self.tokens, self.gradients) = (texts, tokens, gradients)
  }

  var count: Int { texts.labels.count }

  fileprivate func label(_ position: Int) -> Int { texts.labels[position] }

  fileprivate func evaluate(
    _ examples: [Int], at weights: [Tensor]
  ) throws(AttackError) -> (loss: Double, logits: Tensor, gradients: [Tensor]) {
    try gradients.evaluate(
      TextBatch(
        tokens: examples.map { tokens[$0] }, labels: .classes(examples.map { texts.labels[$0] })),
      at: weights)
  }

  func gradient(
    _ examples: [Int], at weights: [Tensor]
  ) throws(AttackError) -> (gradient: [Tensor], loss: Double) {
    let result = try evaluate(examples, at: weights)
    return (result.gradients, result.loss)
  }

  func batch(_ examples: [Int]) -> RoundTap.Batch {
    let chosen = texts.choosing(examples)
    return RoundTap.Batch(texts: chosen.texts, labels: chosen.labels)
  }
}

/// Measures a language model on texts that no worker has.
private final class TextAccuracy: ModelEvaluator {
  private let shard: TextShard
  private let batchSize: Int

  init(_ shard: TextShard) {
    self.shard = shard
    batchSize = max(min(16, shard.count), 1)
  }

  var count: Int { shard.count / batchSize * batchSize }

  func rightCount(_ weights: [Tensor]) throws(AttackError) -> Int {
    var right = 0
    for start in stride(from: 0, to: count, by: batchSize) {
      let positions = Array(start..<start + batchSize)
      let logits = try shard.evaluate(positions, at: weights).logits.doubles
      let classes = logits.count / batchSize
      for (row, position) in positions.enumerated()
      where logits[row * classes..<(row + 1) * classes].likeliest == shard.label(position) {
        right += 1
      }
    }
    return right
  }
}

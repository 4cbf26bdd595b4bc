import Clients
import ModelIO
import Solvers
import Synchronization
import TensorGraph
import Texts

/// Experiments on texts of one language model.
package final class TextRunner: ExperimentRunner {
  private let choice: ModelChoice
  private let adapterRank: Int?
  let backend: any Backend
  /// Tells LAMP which texts are likely; nil for none.
  let prior: LanguagePrior?
  /// The model with what is drawn from one seed at a time.
  private let latest: Mutex<(seed: UInt64, model: SelectedTextModel)>

  package let drawsWeights: Bool
  package let notes: [Sentence]

  /// - Parameters:
  ///   - choice: the model of all experiments.
  ///   - adapterRank: of fresh adapters that clients train; nil for none.
  ///   - prior: the folder of a causal language model; nil for none.
  ///   - seed: of the first experiment.
  /// - Throws: ``FileError``, ``ModelError`` or ``ExperimentError`` when a model cannot be had.
  init(
    _ choice: ModelChoice, adapterRank: Int?, prior: String?, seed: UInt64, backend: any Backend
  ) throws {
    (self.choice, self.adapterRank, self.backend) = (choice, adapterRank, backend)
    let first = try SelectedTextModel(
      choice, adapterRank: adapterRank, seed: seed, backend: backend)
    self.prior = try prior.map {
      try LanguagePrior(
        TextModelFolder($0, head: .languageModel, seed: seed), for: first.tokenizer)
    }
    (drawsWeights, notes) = (first.isDrawn, first.notes)
    latest = Mutex((seed, first))
  }

  /// The model as it is with a seed.
  func selected(seed: UInt64) throws -> SelectedTextModel {
    try latest.withLock { latest in
      guard drawsWeights, latest.seed != seed else { return latest.model }
      latest = (
        seed,
        try SelectedTextModel(choice, adapterRank: adapterRank, seed: seed, backend: backend)
      )
      return latest.model
    }
  }

  /// The model that the experiments start from, with the adapters of simulated clients.
  package func folder(
    seed: UInt64
  ) throws -> (folder: TextModelFolder, adapters: LowRankAdapters?) {
    let selected = try selected(seed: seed)
    return (selected.folder, selected.adapters)
  }

  package func labelled(_ experiment: Experiment) throws -> Experiment {
    let model = try selected(seed: experiment.attack.seed).model
    guard experiment.data.labels == nil, experiment.data.update == nil, model.hasClasses else {
      return experiment
    }
    var labels = RandomSource(seed: experiment.attack.seed).derive(label: "labels")
    var result = experiment
    result.data.labels = experiment.data.examples.map { _ in
      ExampleLabel(String(labels.integer(below: model.labelClasses)))
    }
    return result
  }

  package func prepare(
    _ experiment: Experiment, names: [String]?
  ) throws -> any PreparedExperiment {
    try prepareTexts(experiment, names: names)
  }

  /// The same as ``prepare(_:names:)``.
  package func prepareTexts(
    _ experiment: Experiment, names: [String]? = nil
  ) throws -> PreparedTexts {
    let selected = try selected(seed: experiment.attack.seed)
    let count = experiment.batchSize
    let texts = experiment.data.examples
    guard !texts.isEmpty || experiment.data.update != nil, texts.isEmpty || texts.count == count
    else {
      throw ExperimentError(
        "data.texts", "has \(texts.count) texts for a batch of \(count); give one for each")
    }
    let labels = try labels(of: experiment, selected.model)
    let names = names ?? texts.indices.map { "text-\($0 + 1)" }
    let examples = try zip(texts, names).enumerated().map { index, text in
      PrivateText(
        name: text.1, text: text.0, tokens: try selected.tokens(of: text.0),
        label: labels?[index])
    }
    let training = try experiment.client.training(
      exampleCount: count, for: selected.model.parameters)
    guard let update = experiment.data.update else {
      return PreparedTexts(
        experiment: experiment, runner: self, truth: examples, update: nil,
        notes: [training?.lossNote(isExact: experiment.attack.precision == .f64)]
          .compactMap(\.self),
        name: names.joined(separator: "+"))
    }
    guard experiment.defences.isEmpty else {
      throw ExperimentError(
        "defences", "is what a simulated client does, and an update comes from a real one")
    }
    var reading = TextUpdateReading(
      kind: update.kind, learningRate: experiment.client.learningRate, training: training,
      startingWeights: selected.weighted.parameters, batchSize: count,
      adapters: selected.adapters,
      renamings: try experiment.model.tensorRenamings(),
      noiseVariance: update.noiseVariance ?? 0)
    reading.decaying = selected.decayingWeights(training)
    let file = try TextUpdateFile(contentsOf: update.file, for: selected.model, reading)
    return PreparedTexts(
      experiment: experiment, runner: self, truth: examples, update: file.update,
      notes: [
        training?.lossNote(
          isExact: file.update.undoingFirstStep(from: selected.weighted) != nil)
      ].compactMap(\.self) + file.notes, name: PictureNames.safe(fileStem(update.file)))
  }

  /// The classes of the texts; nil where they are not known, or the model has none.
  private func labels(
    of experiment: Experiment, _ model: TextModel
  ) throws(ExperimentError) -> [Int]? {
    guard let given = experiment.data.labels else { return nil }
    guard given.count == experiment.batchSize else {
      throw ExperimentError(
        "data.labels",
        "has \(given.count) of them for \(experiment.batchSize) texts; give one for each")
    }
    guard model.hasClasses else {
      throw ExperimentError(
        "data.labels", "is for classifiers, and \(model.name) has none; leave it out")
    }
    return try given.map { label throws(ExperimentError) in
      guard let number = Int(label.text), (0..<model.labelClasses).contains(number) else {
        throw ExperimentError(
          "data.labels",
          "has \(label.text.quotedForMessage); give class numbers from 0 to \(model.labelClasses - 1)"
        )
      }
      return number
    }
  }
}

extension TextModel {
  /// Whether its labels are classes.
  fileprivate var hasClasses: Bool {
    guard case .classification = configuration.head else { return false }
    return configuration.loss == .crossEntropy
  }
}

/// A text that a client holds.
struct PrivateText: Sendable {
  /// Short, for tables.
  let name: String
  let text: String
  let tokens: [Int]
  /// Nil where it is not known, or there are no classes.
  let label: Int?
}

extension SelectedTextModel {
  /// The tokens of a text as the model takes them.
  ///
  /// - Throws: ``AttackError`` when it has none, or more than the model has positions.
  func tokens(of text: String) throws(AttackError) -> [Int] {
    let tokens = tokenizer.encode(text)
    let limit = model.configuration.positions
    guard tokens.count > tokenizer.prefix.count + tokenizer.suffix.count, tokens.count <= limit
    else {
      throw AttackError(
        "the text \(text.quotedForMessage) has \(tokens.count) tokens with the special ones; give "
          + "texts of at least one token of their own and at most \(limit) in all")
    }
    return tokens
  }
}

import ArgumentParser
import Attacks
import Audit
import Foundation

/// What language models and their clients have besides.
struct TextModelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Texts: what the model ends in, instead of what config.json says: classification, mlm or lm.",
      valueName: "name", visibility: .rare), completion: .list(["classification", "mlm", "lm"]))
  var head: String?

  @Option(
    help: ArgumentHelp(
      "Texts: for an ONNX file the folder with tokenizer.json or vocab.txt.", valueName: "folder",
      visibility: .rare), completion: .directory)
  var tokenizer: String?

  @Option(
    help: ArgumentHelp(
      "Texts: LoRA adapters that the client got, as PEFT saves them: a folder with adapter_config.json and "
        + "adapter_model.safetensors or .bin.", valueName: "folder", visibility: .rare),
    completion: .directory)
  var adapter: String?

  @Flag(
    help: ArgumentHelp("Texts: the client shares no gradients of embeddings.", visibility: .rare))
  var freezeEmbeddings = false

  @Option(
    name: .customLong("lora"), parsing: .unconditional,
    help: ArgumentHelp(
      "Texts: the client trains adapters of this rank beside the attention (LoRA) and the classification "
        + "layer only.", valueName: "rank", visibility: .rare))
  var adapterRank: Int?

  @Option(
    help: ArgumentHelp(
      "Texts: for lamp a causal language model (GPT-2-type folder) that tells likely texts from others.",
      valueName: "folder", visibility: .rare), completion: .directory)
  var priorModel: String?

  /// Whether anything of it is given.
  var isGiven: Bool {
    head != nil || tokenizer != nil || adapter != nil || freezeEmbeddings || adapterRank != nil
      || priorModel != nil
  }

  /// What the options say of an experiment on texts.
  ///
  /// - Throws: ``ValidationError`` when options do not go together.
  func experiment(_ model: ModelChoice, _ attack: AttackConfiguration) throws -> Experiment {
    var experiment = Experiment()
    experiment.data = ExperimentData(.texts)
    experiment.model = model
    experiment.model.head = head
    experiment.model.tokenizer = tokenizer
    experiment.model.adapter = adapter
    experiment.attack = attack
    experiment.prior = priorModel
    add(to: &experiment.client)
    try naming { try experiment.check() }
    return experiment
  }

  /// Adds what the client trains.
  func add(to client: inout ClientTraining) {
    client.freezesEmbeddings = freezeEmbeddings
    client.adapterRank = adapterRank
  }
}

/// Experiments on texts as several commands make them.
struct TextExperiments {
  /// Model, attack and defences.
  let base: Experiment
  let options: TextModelOptions
  let training: LocalTrainingOptions
  let aggregate: ClientOptions?
  /// Texts of each client that share an update.
  let batchSize: Int

  /// A runner of the model.
  func runner(_ output: OutputOptions) throws -> any ExperimentRunner {
    let size = batchSize * (aggregate?.clients ?? 1)
    let runner = try naming {
      try DataKinds.kind(.texts).runner(for: base, batchSizes: [size], backend: output.backend)
    }
    for note in runner.notes { Notes.remark(note) }
    return runner
  }

  /// An experiment for each batch of simulated clients, with labels drawn from the seed where none are given.
  func simulated(
    _ texts: [String], labels: [ExampleLabel]? = nil, on runner: any ExperimentRunner
  ) throws -> [Experiment] {
    if let aggregate {
      try aggregate.checkRound(examples: texts.count, "texts", batchSize: batchSize)
    }
    var experiment = base
    experiment.data.examples = texts
    experiment.data.labels = labels
    if let labels, labels.count != texts.count {
      throw ValidationError(
        "--labels has \(labels.count) of them for \(texts.count) texts; give one for each.")
    }
    let clients = aggregate?.clients ?? 1
    return try naming { try runner.labelled(experiment) }.divided(into: batchSize * clients).map {
      var part = $0
      part.client = try client(of: part.data.examples.count / clients)
      return part
    }
  }

  /// The experiment on a client's update.
  ///
  /// - Parameter truth: what it is measured by; may be empty.
  func captured(_ update: UpdateChoice, truth: [String]) throws -> Experiment {
    var experiment = base
    experiment.data.examples = truth
    experiment.data.update = update
    experiment.client = try client(of: batchSize)
    try naming { try experiment.check() }
    return experiment
  }

  private func client(of size: Int) throws -> ClientTraining {
    var client = try training.choice(exampleCount: size, aggregate)
    options.add(to: &client)
    return client
  }
}

extension ModelSelection {
  /// Whether the options are about texts: some are given, or the model is a language model: an ONNX file with a
  /// tokenizer, a folder with its configuration, or the bundled one.
  func isLanguageModel(_ texts: TextDataOptions, _ options: TextModelOptions) -> Bool {
    if texts.isGiven || options.tokenizer != nil { return true }
    guard let model = chosenModel else { return false }
    return model == BundledText.modelName
      || FileManager.default.fileExists(atPath: model + "/config.json")
  }

  /// The language model that the options name; the bundled one where they name none.
  func textChoice() throws -> ModelChoice { try choice(of: chosenModel ?? BundledText.modelName) }
}

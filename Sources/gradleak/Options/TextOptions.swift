import ArgumentParser
import TensorGraph
import Texts

/// How texts are attacked, whatever the model is and wherever they come from.
struct TextOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What the model ends in, instead of what config.json says: classification, mlm or lm.",
      valueName: "name"))
  var head: String?

  @Option(parsing: .unconditional, help: ArgumentHelp("Classes of texts.", valueName: "n"))
  var classes: Int?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Texts that share one gradient.", valueName: "n"))
  var batchSize = 1

  @Flag(help: "The client shares no gradients of embeddings.")
  var freezeEmbeddings = false

  @Option(help: ArgumentHelp("How the texts are sought.", valueName: "name"))
  var attack: TextAttackKind = .automatic

  @Option(help: ArgumentHelp("Arithmetic.", valueName: "type"))
  var precision: Precision = .f32

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seed of fresh weights, labels, masks and dummies.", valueName: "n"))
  var seed: UInt64 = 0

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Iterations of a search.", valueName: "n"))
  var iterations: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seconds at most for each attack.", valueName: "seconds"))
  var timeLimit: Double?

  @Option(
    name: .customLong("lora"), parsing: .unconditional,
    help: ArgumentHelp(
      "The client trains adapters of this rank beside the attention (LoRA) and the classification "
        + "layer only.", valueName: "rank"))
  var adapterRank: Int?

  @Option(
    help: ArgumentHelp(
      "For lamp: a causal language model (GPT-2-type folder) that tells likely texts from others.",
      valueName: "folder"))
  var priorModel: String?

  func validate() throws {
    if priorModel != nil, attack != .lamp, attack != .automatic {
      throw ValidationError(
        "--prior-model is asked by lamp alone; use it with --attack lamp or auto.")
    }
    if let adapterRank { try check("--lora", adapterRank, 1...65536) }
    try check("--batch-size", batchSize, 1...1024)
    if let iterations { try check("--iterations", iterations, 1...10_000_000) }
    if let classes { try check("--classes", classes, 1...100_000) }
    if let timeLimit, !(timeLimit > 0 && timeLimit.isFinite) {
      throw ValidationError("--time-limit is \(timeLimit); give a number of seconds above 0.")
    }
    _ = try chosenHead()
  }

  /// The head to use; nil for what config.json says.
  func chosenHead() throws -> TextHead? {
    switch head {
    case nil: return classes.map { TextHead.classification(classes: $0) }
    case "classification": return .classification(classes: classes ?? 2)
    case "mlm": return .maskedLanguageModel
    case "lm": return .languageModel
    case .some(let name):
      throw ValidationError(
        "--head is \(name.quotedForMessage); give classification, mlm or lm.")
    }
  }

  /// A session on the model of a folder.
  ///
  /// - Parameter name: of the folder, for the record.
  func session(
    on folder: TextModelFolder, name: String, training: LocalTrainingOptions,
    defence: DefenceOptions, output: OutputOptions
  ) throws -> TextSession {
    let adapters = try adapterRank.map {
      try LowRankAdapters(freshFor: folder.weighted.model, rank: $0, seed: seed)
    }
    let prior = try priorModel.map {
      try LanguagePrior(
        TextModelFolder($0, head: .languageModel, seed: seed), for: folder.tokenizer)
    }
    let choice = try defence.choice()
    let client = TextClient(
      adapters: adapters, defences: choice.chain, isDefenceKnown: choice.isAdaptive, seed: seed)
    return TextSession(
      folder: folder,
      weights: folder.freshParameters.isEmpty
        ? "from \(name)" : "from \(name), head initialised with seed \(seed)",
      configuration: TextAttackConfiguration(
        attack: attack, precision: precision, seed: seed, iterations: iterations,
        timeLimit: timeLimit),
      client: client, prior: prior, training: training, freezeEmbeddings: freezeEmbeddings,
      output: output)
  }
}

import ArgumentParser
import Attacks
import Audit
import Clients
import Foundation
import ModelIO
import Texts

/// Private text from the gradient of a language model.
struct TextCommand: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "text",
    abstract: "Reads text back from a language model's gradient.",
    discussion: """
      The model is a folder as transformers saves it (BERT- and GPT-2-type), an ONNX file with \
      --tokenizer, or tiny-bert, which is bundled. With --text or --texts a client is simulated; \
      --update attacks what a client shared.

      EXAMPLES
        gradleak text --model tiny-bert --text "call me back at noon"
        gradleak text --model tiny-bert --text "call me" --defence gaussian:1e-8
        gradleak text --model tiny-bert --text "call me" --save-update g.safetensors
        gradleak text --model tiny-bert --update g.safetensors
      """)

  @Option(
    help: ArgumentHelp(
      "Folder of the model, an ONNX file, or \(BundledText.modelName), which is bundled.",
      valueName: "folder"), completion: .languageModels)
  var model: String

  @OptionGroup(title: HelpTitle.data) var data: TextDataOptions

  @OptionGroup(title: HelpTitle.update) var update: UpdateOptions

  @Option(
    help: ArgumentHelp(
      "Tells which tensor of --update is which of the model, by name or by beginning; may be repeated.",
      valueName: "old=new", visibility: .rare))
  var rename: [String] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Variance of the noise that the client of --update is known to have added to each number.",
      valueName: "variance", visibility: .rare))
  var noise: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The texts' true classes, such as 1,0; random by default.", valueName: "classes"))
  var labels: String?

  @Option(
    help: ArgumentHelp("Writes what the simulated client shares: safetensors.", valueName: "file"),
    completion: .safetensors)
  var saveUpdate: String?

  @Option(
    help: ArgumentHelp(
      "Writes the fresh adapters of --lora as PEFT does.", valueName: "folder", visibility: .rare),
    completion: .directory)
  var saveAdapter: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Classes of texts.", valueName: "n", visibility: .rare))
  var classes: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Texts that share one gradient, of each client.", valueName: "n"))
  var batchSize = 1

  @OptionGroup(title: HelpTitle.model) var options: TextModelOptions
  @OptionGroup(title: HelpTitle.attack) var attack: TextAttackOptions
  @OptionGroup(title: HelpTitle.attack) var threat: AttackerOptions
  @OptionGroup(title: HelpTitle.training, visibility: .rare) var training: LocalTrainingOptions
  @OptionGroup(title: HelpTitle.training) var aggregate: ClientOptions
  @OptionGroup(title: HelpTitle.defence) var defence: DefenceOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  func validate() throws {
    try training.checkSteps(of: aggregate)
    try check("--batch-size", batchSize, 1...1024)
    guard data.isGiven != (update.file != nil) else {
      throw ValidationError(
        "Give the private texts with --text or --texts, or a captured update with --update; one of "
          + "the three.")
    }
    try update.refuseFindingScale("--learning-rate")
    let isCaptured = update.file != nil
    let simulates =
      options.adapterRank != nil || !defence.defences.isEmpty || saveUpdate != nil || labels != nil
    if isCaptured, simulates {
      throw ValidationError(
        "--lora, --defence, --labels and --save-update simulate a client, and --update comes from a real one; "
          + "leave them out (adapters of a real client go with --adapter).")
    }
    if !isCaptured, update.updateKind != .gradient || !rename.isEmpty {
      throw ValidationError("--update-kind and --rename tell how to read --update; give that too.")
    }
    if let noise, !(noise > 0 && noise.isFinite) || !isCaptured {
      throw ValidationError(
        "--noise is the variance of known noise on --update, a number above 0; a simulated client's "
          + "goes with --defence.")
    }
    if saveAdapter != nil, options.adapterRank == nil {
      throw ValidationError("--save-adapter writes the adapters of --lora; give its rank too.")
    }
    _ = try plan()
  }

  /// What the options say of model, attack and client; no file is read.
  private func plan() throws -> TextExperiments {
    var choice = ModelChoice(name: model)
    choice.classes = classes
    choice.renamings = rename.isEmpty ? nil : rename
    choice.weights = update.before
    var base = try options.experiment(choice, try attack.configuration(by: threat))
    try base.add(defence)
    return TextExperiments(
      base: base, options: options, training: training, aggregate: aggregate,
      batchSize: batchSize)
  }

  /// What the options ask for: one experiment for each update.
  func experiments(on runner: any ExperimentRunner) throws -> [Experiment] {
    let plan = try plan()
    guard var choice = update.choice(batchSize: batchSize) else {
      return try plan.simulated(
        try data.read(), labels: labels.map(exampleLabels), on: runner)
    }
    choice.noiseVariance = noise
    return [try plan.captured(choice, truth: [])]
  }

  /// A runner of the model that the options name.
  func runner() throws -> any ExperimentRunner { try plan().runner(output) }

  func run() throws {
    let runner = try runner()
    let experiments = try experiments(on: runner)
    if saveUpdate != nil, experiments.count > 1 {
      let count = experiments.reduce(0) { $0 + $1.data.examples.count }
      throw ValidationError(
        "--save-update writes one update, and \(count) texts in batches of "
          + "\(batchSize) make several; give --batch-size \(count).")
    }
    try ExperimentSession(runner, output).conclude(
      experiments, besides: [update.file].compactMap(\.self)
    ) { prepared in
      for experiment in prepared { try experiment.check() }
      try save(prepared, runner)
    }
  }

  /// Writes the adapters and the update that the client shares, where they are asked for.
  private func save(
    _ prepared: [any PreparedExperiment], _ runner: any ExperimentRunner
  ) throws {
    if let saveAdapter, let runner = runner as? TextRunner {
      let (folder, adapters) = try runner.folder(seed: attack.seed)
      try OutputFolder(saveAdapter, setsOthersAside: output.force).replace { staged in
        try adapters?.write(to: staged, for: folder.weighted)
      }
    }
    if let saveUpdate, let texts = prepared.first as? PreparedTexts {
      try texts.writeUpdate(to: saveUpdate)
    }
  }
}

import ArgumentParser
import Audit

/// Private text from the gradient of the language model that the program carries.
struct TextDemo: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "text",
    abstract: "Reads twenty bundled sentences back from their gradients.",
    discussion: """
      The model is a BERT of three layers that was trained to fill in masked words; it has seen none \
      of the sentences. A client starts to fine-tune it with a fresh classification head and shares \
      the gradient; the attack sees the model and the gradient alone, and searches (dlg, tag, lamp) \
      are given the number of tokens.

      EXAMPLES
        gradleak demo text
        gradleak demo text --batch-size 2          two sentences to a gradient
        gradleak demo text --attack dlg            the paper's search, step by step
        gradleak demo text --freeze-embeddings     the embeddings' gradients withheld
        gradleak demo text --local-steps 5 --learning-rate 0.01
        gradleak demo text --defence gaussian:1e-6
        gradleak demo text --json --out out/text
      """)

  @Option(parsing: .unconditional, help: ArgumentHelp("Classes of texts.", valueName: "n"))
  var classes: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Texts that share one gradient, of each client.", valueName: "n"))
  var batchSize = 1

  @OptionGroup var options: TextModelOptions
  @OptionGroup var attack: TextAttackOptions
  @OptionGroup var threat: AttackerOptions
  @OptionGroup var training: LocalTrainingOptions
  @OptionGroup var aggregate: ClientOptions
  @OptionGroup var defence: DefenceOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    try training.checkSteps(of: aggregate)
    try check("--batch-size", batchSize, 1...1024)
  }

  func run() throws {
    var choice = ModelChoice(name: BundledText.modelName)
    choice.classes = classes
    var base = try options.experiment(choice, try attack.configuration(by: threat))
    try base.add(defence)
    let experiments = TextExperiments(
      base: base, options: options, training: training, aggregate: aggregate,
      batchSize: batchSize)
    let runner = try experiments.runner(output)
    try ExperimentSession(runner, output).conclude(
      try experiments.simulated(BundledText.privateTexts, on: runner))
  }
}

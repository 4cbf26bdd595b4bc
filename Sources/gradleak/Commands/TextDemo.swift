import ArgumentParser
import Audit

/// Private text from the gradient of the language model that the program carries.
struct TextDemo: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "text",
    abstract: "Reads twenty bundled sentences back from their gradients.",
    discussion: """
      The model is a BERT of three layers that has seen none of the sentences. A client starts to \
      fine-tune it and shares the gradient; the attack sees model and gradient alone.

      EXAMPLES
        gradleak demo text
        gradleak demo text --batch-size 2          two sentences to a gradient
        gradleak demo text --attack dlg            the paper's search, step by step
        gradleak demo text --defence gaussian:1e-6
      """)

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
  @OptionGroup(title: HelpTitle.training) var training: LocalTrainingOptions
  @OptionGroup(title: HelpTitle.training) var aggregate: ClientOptions
  @OptionGroup(title: HelpTitle.defence) var defence: DefenceOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

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

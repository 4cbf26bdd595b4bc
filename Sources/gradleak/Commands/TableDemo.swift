import ArgumentParser
import Audit

/// Rows of the table that the program carries.
struct TableDemo: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "table",
    abstract: "Reads rows of a bundled table of invented patients back.",
    discussion: """
      A client computes one gradient of a multilayer perceptron on rows of a table whose people do not \
      exist. The attack sees model, schema and gradient; the rows are compared with guesses.

      EXAMPLES
        gradleak demo table
        gradleak demo table --batch-size 16 --batches 4
        gradleak demo table --loss bce
        gradleak demo table --defence gaussian:1e-6
      """)

  @OptionGroup(title: HelpTitle.data) var rows: RowOptions
  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection
  @OptionGroup(title: HelpTitle.model) var loss: LossOptions
  @OptionGroup(title: HelpTitle.training, visibility: .rare) var training: LocalTrainingOptions
  @OptionGroup(title: HelpTitle.training) var aggregate: ClientOptions
  @OptionGroup(title: HelpTitle.attack) var attack: AttackOptions
  @OptionGroup(title: HelpTitle.attack) var threat: AttackerOptions
  @OptionGroup(title: HelpTitle.defence) var defence: DefenceOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  func validate() throws { try training.checkSteps(of: aggregate) }

  func run() throws {
    let experiments = try RowExperiments(
      TableChoice(file: BundledTable.name), rows: rows, selection: selection, loss: loss,
      attack: attack, threat: threat, training: training, aggregate: aggregate, defence: defence)
    let runner = try experiments.runner(output)
    try ExperimentSession(runner, output).conclude(try experiments.simulated(on: runner))
  }
}

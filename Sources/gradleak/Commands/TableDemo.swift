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

  @OptionGroup var client: RowClientOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  func run() throws {
    let experiments = try client.experiments(on: TableChoice(file: BundledTable.name))
    let runner = try experiments.runner(output)
    try ExperimentSession(runner, output).conclude(try experiments.simulated(on: runner))
  }
}

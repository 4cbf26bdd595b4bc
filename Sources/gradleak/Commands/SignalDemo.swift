import ArgumentParser
import Audit

/// Parts of the recording that the program carries.
struct SignalDemo: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "signal",
    abstract: "Reads parts of a bundled, invented electrocardiogram back.",
    discussion: """
      A client computes one gradient of a small convolutional network on two seconds of a heartbeat that \
      nobody has. The attack sees model and gradient; what comes back is compared with guesses.

      EXAMPLES
        gradleak demo signal
        gradleak demo signal --batches 4 --defence gaussian:1e-6
      """)

  @OptionGroup(title: HelpTitle.data) var signal: RecordingOptions
  @OptionGroup var client: SignalClientOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  func run() throws {
    var choice = try signal.choice()
    // Two seconds, in which there are two beats or three.
    choice.length = choice.length ?? 256
    let experiments = try client.experiments(on: [BundledSignal.name], choice, output)
    try ExperimentSession(experiments.runner, output).conclude(try experiments.simulated())
  }
}

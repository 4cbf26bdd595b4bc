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
  @OptionGroup(title: HelpTitle.data) var batch: SignalBatchOptions
  @OptionGroup(title: HelpTitle.data) var labels: LabelOptions
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
    var signal = signal
    // Two seconds, in which there are two beats or three.
    signal.length = signal.length ?? 256
    var base = try Experiment(
      selection, loss: loss, attack: attack, by: threat, default: .automatic, on: .signals)
    try base.add(defence)
    let experiments = try SignalExperiments(
      base, on: [BundledSignal.name], try signal.choice(), labels: labels.given,
      batchSize: batch.batchSize, updates: batch.batches, training: training,
      aggregate: aggregate, output: output)
    try ExperimentSession(experiments.runner, output).conclude(try experiments.simulated())
  }
}

import ArgumentParser
import Audit
import ModelIO

/// Private signals from the gradient of a model that is trained on them.
struct SignalCommand: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "signal",
    abstract: "Reads sensor signals back from a model's gradient.",
    discussion: """
      Signals are numbers over time, such as an electrocardiogram: a CSV whose columns are channels, or an \
      array of channels and samples. Behind @ stands the first sample; without it, parts of a long \
      recording are drawn. See docs/guides/signals.md.

      EXAMPLES
        gradleak signal heartbeat --length 256
        gradleak signal ecg.csv@1000 --columns II --length 256 --labels 1 --out out
        gradleak signal ecg.npy --model lstm.onnx --batch-size 4
        gradleak signal --update g.pt --model lstm.onnx --range -5,5
      """)

  @Argument(
    help: ArgumentHelp(
      "Recordings (CSV, .npy), or \(BundledSignal.name).", valueName: "recording"))
  var recordings: [String] = []

  @OptionGroup(title: HelpTitle.data) var signal: RecordingOptions
  @OptionGroup(title: HelpTitle.update) var update: UpdateOptions
  @OptionGroup var client: SignalClientOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  mutating func validate() throws {
    client.selection.weights = try update.start(or: client.selection.weights)
    guard !recordings.isEmpty || update.file != nil else {
      throw ValidationError(
        "There is no signal; give a recording, or a client's gradient with --update.")
    }
    try update.refuseFindingScale()
    try update.refuse(client.defence)
  }

  func run() throws {
    let experiments = try client.experiments(on: recordings, try signal.choice(), output)
    let all =
      if let update = update.choice(batchSize: client.batch.batchSize) {
        try experiments.captured(update)
      } else {
        try experiments.simulated()
      }
    try ExperimentSession(experiments.runner, output).conclude(
      all, besides: recordings.map { SignalWindow($0).path } + [update.file].compactMap(\.self))
  }
}

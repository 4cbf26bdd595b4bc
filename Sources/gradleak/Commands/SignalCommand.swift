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
  @OptionGroup(title: HelpTitle.data) var batch: SignalBatchOptions
  @OptionGroup(title: HelpTitle.data) var labels: LabelOptions
  @OptionGroup(title: HelpTitle.update) var update: UpdateOptions
  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection
  @OptionGroup(title: HelpTitle.model) var loss: LossOptions
  @OptionGroup(title: HelpTitle.training, visibility: .rare) var training: LocalTrainingOptions
  @OptionGroup(title: HelpTitle.training) var aggregate: ClientOptions
  @OptionGroup(title: HelpTitle.attack) var attack: AttackOptions
  @OptionGroup(title: HelpTitle.attack) var threat: AttackerOptions
  @OptionGroup(title: HelpTitle.defence) var defence: DefenceOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  mutating func validate() throws {
    selection.weights = try update.start(or: selection.weights)
    try training.checkSteps(of: aggregate)
    guard !recordings.isEmpty || update.file != nil else {
      throw ValidationError(
        "There is no signal; give a recording, or a client's gradient with --update.")
    }
    if update.findScale {
      throw ValidationError("--find-scale is for pictures; give --learning-rate or --loss-scale.")
    }
    if update.file != nil, !defence.defences.isEmpty {
      throw ValidationError(
        "--defence is what a simulated client does, and --update comes from a real one; leave one out."
      )
    }
  }

  func run() throws {
    var base = try Experiment(
      selection, loss: loss, attack: attack, by: threat, default: .automatic, on: .signals)
    try base.add(defence)
    let experiments = try SignalExperiments(
      base, on: recordings, try signal.choice(), labels: labels.given,
      batchSize: batch.batchSize, updates: batch.batches, training: training,
      aggregate: aggregate, output: output)
    let all =
      if let update = update.choice(batchSize: batch.batchSize) {
        try experiments.captured(update)
      } else {
        try experiments.simulated()
      }
    try ExperimentSession(experiments.runner, output).conclude(
      all, besides: recordings.map { SignalWindow($0).path } + [update.file].compactMap(\.self))
  }
}

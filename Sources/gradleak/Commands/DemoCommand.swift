import ArgumentParser
import Audit
import ModelIO
import TensorGraph

/// The paper's experiments on what the program carries: photographs, sentences, rows of a table, or a signal.
struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Reads bundled photographs, texts, rows, signals back.",
    discussion: """
      Needs no files and no network. Without a name it is the demo of the photographs.

      EXAMPLES
        gradleak demo                              seven photographs
        gradleak demo --attack auto --seeds 5      options of 'demo photographs'
        gradleak demo text                         twenty sentences
        gradleak demo table                        eight rows of a table
        gradleak demo signal                       two seconds of a heartbeat
      """,
    subcommands: [PhotographDemo.self, TextDemo.self, TableDemo.self, SignalDemo.self],
    defaultSubcommand: PhotographDemo.self)
}

/// The paper's experiment on the bundled photographs.
struct PhotographDemo: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "photographs",
    abstract: "Reads seven bundled photographs back from their gradients.",
    discussion: """
      Each photograph is a client's private batch of one, with a random label. The attack sees model \
      and gradient alone. It is the paper's, which shows how images come back; --attack auto takes the best.

      EXAMPLES
        gradleak demo
        gradleak demo --attack auto                to rounding, in a moment
        gradleak demo --seeds 5                    success rate over 35 runs
        gradleak demo --defence gaussian:1e-2      does noise of this variance stop it?
      """)

  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection
  @OptionGroup(title: HelpTitle.attack) var attack: AttackOptions
  @OptionGroup(title: HelpTitle.attack) var threat: AttackerOptions
  @OptionGroup(title: HelpTitle.defence) var defence: DefenceOptions
  @OptionGroup(title: HelpTitle.training) var training: LocalTrainingOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Repeat with this many seeds, from --seed up.", valueName: "n"))
  var seeds = 1

  func validate() throws {
    try check("--seeds", seeds, 1...100_000)
  }

  func run() throws {
    let selected = try selection.select()
    try checkPictures(selected.model, haveMasks: true)
    let runner = PictureRunner(selected, backend: try output.backend)
    let session = ExperimentSession(runner, output)
    let shape = selected.model.inputShape
    let pictures = try BundledImages.names.map { name in
      try PictureFile(name, as: .pillow).example(name: name, label: nil, inputShape: shape)
    }
    let prepared = try experiments(on: selected).enumerated().map { index, experiment in
      try naming {
        try runner.prepare(experiment, pictures: [pictures[index % pictures.count]])
      }
    }
    let writer = try output.folder().map { ResultWriter(folder: $0) }
    try session.finish(try session.run(prepared), writer)
  }

  /// One experiment for each photograph and seed.
  private func experiments(on selected: SelectedModel) throws -> [Experiment] {
    try (0..<seeds).flatMap { offset -> [Experiment] in
      var experiment = try Experiment(
        selection, attack: attack, by: threat, default: .dlg, seedOffset: UInt64(offset))
      try experiment.add(defence)
      experiment.client = try training.choice(exampleCount: 1)
      experiment.data.pictures = BundledImages.names
      return try experiment.labelled(for: selected).divided(into: 1)
    }
  }
}

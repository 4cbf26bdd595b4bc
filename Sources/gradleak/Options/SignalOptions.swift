import ArgumentParser
import Audit
import Clients
import Solvers

/// How recordings are read, on the command line.
struct RecordingOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Samples of one example; the model's by default.", valueName: "n"))
  var length: Int?

  @Option(
    help: ArgumentHelp(
      "Columns of a CSV that are channels, such as I,II.", valueName: "columns"))
  var columns: [String] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "What the sensor can give, such as -5,5; the recording's by default.",
      valueName: "low,high"))
  var range: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Samples per second, for axes.", valueName: "hz", visibility: .rare))
  var rate: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Channels of a built-in model where there is no recording.", valueName: "n",
      visibility: .rare))
  var channels: Int?

  var isGiven: Bool {
    length != nil || !columns.isEmpty || range != nil || rate != nil || channels != nil
  }

  func validate() throws { _ = try choice() }

  /// How recordings are read.
  ///
  /// - Throws: ``ValidationError`` for a range that is none.
  func choice() throws -> SignalChoice {
    var choice = SignalChoice()
    (choice.length, choice.channels, choice.rate) = (length, channels, rate)
    choice.range = try range.map { try numbers($0, of: "--range") }
    let names = columns.flatMap { $0.split(separator: ",").map(String.init) }
    choice.columns = names.isEmpty ? nil : names
    return choice
  }
}

/// Signals beside other kinds of data, on the command line.
struct SignalFileOptions: ParsableArguments {
  @Option(
    name: .customLong("signal"),
    help: ArgumentHelp(
      "A recording (CSV, .npy), or \(BundledSignal.name).", valueName: "file"))
  var file: String?

  @OptionGroup(visibility: .rare) var reading: RecordingOptions

  func validate() throws {
    guard file == nil, reading.isGiven else { return }
    throw ValidationError(
      "--length, --columns, --range, --rate and --channels are of a recording; give its file with --signal."
    )
  }
}

/// How many examples are drawn from recordings, on the command line.
struct SignalBatchOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Examples that share one gradient.", valueName: "n"))
  var batchSize = 1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Updates of parts of a long recording.", valueName: "n"))
  var batches = 1

  func validate() throws {
    try check("--batch-size", batchSize, 1...4096)
    try check("--batches", batches, 1...100_000)
  }
}

/// What `signal` and `demo signal` are told of clients and attacker.
struct SignalClientOptions: ParsableArguments {
  @OptionGroup(title: HelpTitle.data) var batch: SignalBatchOptions
  @OptionGroup(title: HelpTitle.data) var labels: LabelOptions
  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection
  @OptionGroup(title: HelpTitle.model) var loss: LossOptions
  @OptionGroup(title: HelpTitle.training, visibility: .rare) var training: LocalTrainingOptions
  @OptionGroup(title: HelpTitle.training) var aggregate: ClientOptions
  @OptionGroup(title: HelpTitle.attack) var attack: AttackOptions
  @OptionGroup(title: HelpTitle.attack) var threat: AttackerOptions
  @OptionGroup(title: HelpTitle.defence) var defence: DefenceOptions

  func validate() throws { try training.checkSteps(of: aggregate) }

  /// What the options say of recordings, whose first one is read.
  func experiments(
    on recordings: [String], _ choice: SignalChoice, _ output: OutputOptions
  ) throws -> SignalExperiments {
    var base = try Experiment(
      selection, loss: loss, attack: attack, by: threat, default: .automatic, on: .signals)
    try base.add(defence)
    return try SignalExperiments(
      base, on: recordings, choice, labels: labels.given, batchSize: batch.batchSize,
      updates: batch.batches, training: training, aggregate: aggregate, output: output)
  }
}

/// The experiments that a command's options describe, on signals.
struct SignalExperiments {
  /// What all share; its data have no examples yet.
  private let base: Experiment
  private let recordings: [String]
  private let batchSize: Int
  private let updates: Int
  private let isAsked: Bool
  private let training: LocalTrainingOptions
  private let aggregate: ClientOptions
  let runner: SignalRunner

  /// - Parameters:
  ///   - base: model, attack and defences.
  ///   - recordings: files, or parts of them; at least one but beside an update.
  ///   - labels: one for each example; nil for drawn ones.
  ///   - batchSize: examples of each client that share an update.
  ///   - updates: of parts of a long recording, at most where not so many are `asked` for.
  init(
    _ base: Experiment, on recordings: [String], _ choice: SignalChoice, labels: [ExampleLabel]?,
    batchSize: Int, updates: Int, asked: Bool = true, training: LocalTrainingOptions,
    aggregate: ClientOptions, output: OutputOptions
  ) throws {
    var base = base
    base.data.signal = choice
    base.data.labels = labels
    base.data.examples = recordings
    let first = base
    runner = try naming {
      try first.check()
      return try SignalRunner(
        first, batchSizes: [batchSize * aggregate.clients], backend: try output.backend)
    }
    for note in runner.notes { Notes.remark(note) }
    base.data.signal = runner.choice
    (self.base, self.recordings, self.batchSize) = (base, recordings, batchSize)
    (self.updates, self.isAsked) = (updates, asked)
    (self.training, self.aggregate) = (training, aggregate)
  }

  /// One experiment for each update of simulated clients.
  ///
  /// - Throws: ``ValidationError`` when recordings are too short for what is asked for.
  func simulated() throws -> [Experiment] {
    var experiment = base
    let size = batchSize * aggregate.clients
    experiment.data.examples = try naming { try windows(of: size) }
    try aggregate.checkRound(
      examples: experiment.data.examples.count, "signals", batchSize: batchSize)
    let count = experiment.data.examples.count
    if let labels = base.data.labels, labels.count != count {
      throw ValidationError(
        "--labels has \(labels.count) of them for \(count) signals; give one for each.")
    }
    guard count.isMultiple(of: size) else {
      throw ValidationError(
        "There are \(count) signals for updates of \(size); give as many as fill them."
      )
    }
    return try naming { try runner.labelled(experiment) }.divided(into: size).map { part in
      var part = part
      part.client = try training.choice(
        exampleCount: part.data.examples.count / aggregate.clients, aggregate)
      return part
    }
  }

  /// The examples that are named; drawn from a single recording that is longer than one.
  private func windows(of size: Int) throws -> [String] {
    guard recordings.count == 1, SignalWindow(recordings[0]).start == nil else { return recordings }
    let samples = try runner.recording(recordings[0]).first?.count ?? 0
    guard samples != runner.length else { return recordings }
    let parts = try runner.parts(of: recordings[0])
    let count = size * (isAsked ? updates : min(updates, max(parts.count / size, 1)))
    guard count <= parts.count else {
      throw ValidationError(
        "\(count) examples of \(runner.length) samples are \(count * runner.length), and the recording has \(samples); give a "
          + "smaller --batch-size, --batches or --length.")
    }
    var source = RandomSource(seed: base.attack.seed).derive(label: "signals")
    return source.permutation(of: parts.count).prefix(count).map { parts[$0] }
  }

  /// The experiment on an update that a client shared, measured by the signals that are named.
  func captured(_ update: UpdateChoice) throws -> [Experiment] {
    var experiment = base
    experiment.client = try training.choice(exampleCount: batchSize, aggregate)
    experiment.data.update = update
    return [experiment]
  }
}

import ArgumentParser
import Attacks
import Audit
import Clients
import ModelIO
import TensorGraph

/// Whether a record is in the batch behind an update.
struct InferMembershipCommand: ParsableCommand, InferenceCommand, QuietCommand {
  static let configuration = CommandConfiguration(
    commandName: "membership",
    abstract: "Asks whether a record is in the batch behind a gradient.",
    discussion: """
      A member's gradient is a part of the update: its inner product with it is larger than that of records \
      that are known not to be in it. Texts are excluded by words that no text of the batch has. Without \
      --update clients are simulated, and it is measured how many members are found at 1 % and 0.1 % of false \
      alarms. Without data: windows of the bundled photographs.

      EXAMPLES
        gradleak infer membership --table patients --batch-size 16
        gradleak infer membership a.png --known b.png c.png --update g.pt
        gradleak infer membership --signal heartbeat --length 64
        gradleak infer membership --text "call me" --model bert --update g.pt
      """)

  @Argument(
    help: ArgumentHelp(
      "Pictures, or with --signal parts of recordings.", valueName: "image"),
    completion: .picturesAndNames)
  var pictures: [String] = []

  @OptionGroup(title: HelpTitle.data) var table: TableFileOptions
  @OptionGroup(title: HelpTitle.data) var signal: SignalFileOptions
  @OptionGroup(title: HelpTitle.data) var texts: TextDataOptions

  @Option(help: ArgumentHelp("With --update: rows to ask for, such as 3,7-12.", valueName: "rows"))
  var rows: String?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "With --update: records that are known not to be in it.", valueName: "records"))
  var known: [String] = []

  @Option(parsing: .unconditional, help: ArgumentHelp("Records of one update.", valueName: "n"))
  var batchSize = 8

  @Option(parsing: .unconditional, help: ArgumentHelp("Updates to simulate.", valueName: "n"))
  var updates = 20

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Known non-members of each update at most, and others as many.", valueName: "n"))
  var calibration = 200

  @Option(
    help: ArgumentHelp(
      "Also how often the right one of so many candidates is picked, such as 2,10,100.",
      valueName: "counts"))
  var candidates: String?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Seed of weights and batches.", valueName: "n"))
  var seed: UInt64 = 0

  @OptionGroup(title: HelpTitle.update) var update: UpdateOptions
  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection
  @OptionGroup(title: HelpTitle.model) var textModel: TextModelOptions
  @OptionGroup(title: HelpTitle.model) var loss: LossOptions
  @OptionGroup(title: HelpTitle.training, visibility: .rare) var training: LocalTrainingOptions
  @OptionGroup(title: HelpTitle.defence) var defence: DefenceOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  var isQuiet: Bool { output.quiet }

  mutating func validate() throws {
    selection.weights = try update.start(or: selection.weights)
    try check("--batch-size", batchSize, 1...4096)
    try check("--updates", updates, 1...100_000)
    try check("--calibration", calibration, 10...1_000_000)
    if isOnSignals { try checkSignals() }
    guard !isOnTexts else { return try checkTexts() }
    guard table.file == nil || pictures.isEmpty else {
      throw ValidationError("There are a table and pictures; give one of them.")
    }
    try table.checkFile()
    if table.file == nil, rows != nil {
      throw ValidationError("--rows are of a table; give its file with --table.")
    }
    if candidates != nil, update.file != nil {
      throw ValidationError(
        "--candidates are of simulated clients; beside an --update every record is asked for."
      )
    }
    let isCaptured = update.file != nil
    guard isCaptured == !known.isEmpty else {
      throw ValidationError(
        "--known names records that are not behind an --update; give both, or leave both out.")
    }
    if isCaptured {
      guard rows != nil || !pictures.isEmpty else {
        throw ValidationError(
          "There is nobody to ask for; give --rows of the --table, pictures, or parts of a --signal."
        )
      }
      try update.refuse(defence)
    } else if rows != nil {
      throw ValidationError("--rows are asked for beside an --update; give that too.")
    }
  }

  func run() throws {
    let record: MembershipRecord = try naming(RowExperiments.options) { try self.record() }
    let folder = try output.folder(
      besides: pictures + table.paths + [signal.file, texts.file, update.file].compactMap(\.self))
    let json = try ResultWriter.json(record)
    try folder?.replace { try AtomicFile.write(json, to: $0.path(of: "membership.json")) }
    if output.json { return Terminal.print(json) }
    if let table = ExclusionTable(record) { table.print() } else { MembershipTable(record).print() }
    if let folder { Terminal.printWritten(folder.path(of: "membership.json")) }
  }

  private func record() throws -> MembershipRecord {
    guard !isOnTexts else { return try ofTexts() }
    guard !isOnSignals else { return try ofSignals() }
    let experiment = try experiment()
    guard experiment.data.kind == .rows else { return try ofPictures(experiment) }
    let runner = try RowRunner(experiment, batchSizes: [1, batchSize], backend: output.backend)
    let loss = try experiment.loss.clientLoss(of: runner.inputs.selected)
    let study = MembershipStudy(runner.inputs, experiment, kind: .rows)
    if experiment.data.update != nil {
      let prepared = try runner.prepareRows(experiment)
      func examples(_ text: String, _ option: String) throws -> [PrivateExample] {
        try runner.examples(rowNumbers(text, of: option).map(String.init), loss).examples
      }
      return try study.judge(
        prepared.inputs, candidates: try examples(rows ?? "", "--rows"),
        known: try examples(known.joined(separator: ","), "--known"))
    }
    let (pool, given) = try runner.examples(runner.table.labelledRows.map(String.init), loss)
    return try simulate(study, pool.distinct, given)
  }

  private func ofPictures(_ experiment: Experiment) throws -> MembershipRecord {
    let selected = try selection.select(batchSizes: [1, batchSize])
    let arePhotographs = pictures.isEmpty || update.file == nil
    try checkPictures(selected.model, arePhotographs: arePhotographs)
    let runner = PictureRunner(selected, backend: try output.backend)
    let loss = try experiment.loss.clientLoss(of: selected)
    let study = MembershipStudy(runner, experiment, kind: .pictures)
    if experiment.data.update != nil {
      let prepared = try runner.prepare(experiment, names: nil, pictures: nil)
      return try study.judge(
        prepared, candidates: try examples(pictures, selected),
        known: try examples(known, selected))
    }
    let pool =
      pictures.isEmpty
      ? MembershipStudy.windows(for: selected.model, batchSize: batchSize, calibration: calibration)
      : try examples(pictures, selected)
    return try simulate(
      study, MembershipStudy.labelled(pool, for: selected.model, loss, seed: seed).distinct, loss)
  }

  /// Members of simulated clients, whose records are drawn from a pool.
  func simulate(
    _ study: MembershipStudy, _ pool: [PrivateExample], _ loss: ClientLoss
  ) throws -> MembershipRecord {
    let sizes = MembershipStudy.Sizes(batch: batchSize, pool: pool.count, limit: calibration)
    guard sizes.calibration >= 10 else {
      throw ValidationError(
        "There are \(pool.count) different records, and a batch of \(batchSize) beside 10 known and 10 "
          + "other non-members needs \(batchSize + 20); give more, or a smaller --batch-size.")
    }
    var record = try study.simulate(pool, sizes: sizes, updates: updates, loss: loss)
    if let candidates {
      let counts = try wholeNumbers(
        candidates, of: "--candidates", 2...max(pool.count - batchSize + 1, 2))
      record.identifications = try study.identify(
        pool, batchSize: batchSize, counts: counts, updates: updates, loss: loss)
    }
    return record
  }
}

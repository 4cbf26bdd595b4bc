import ArgumentParser
import Attacks
import Audit
import Clients
import Foundation
import ModelIO
import TensorGraph

/// Whether the batch behind an update has a property that is not the task.
struct InferPropertyCommand: ParsableCommand, InferenceCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "property",
    abstract: "Asks whether a batch has a property that is not the task.",
    discussion: """
      Half of the records are the adversary's own: a classifier is fitted to updates of batches with and \
      without the property, and tells the updates of simulated clients that hold the other half, or an \
      --update. Beside it stands what the labels of a batch alone tell.

      EXAMPLES
        gradleak infer property sex=female --table patients --batch-size 4
        gradleak infer property dataset=Hungary --table heart.csv --label num --ignore id,dataset
        gradleak infer property "age>60" --table patients --rounds 5
        gradleak infer property --with a*.png --without b*.png
      """)

  @Argument(
    help: ArgumentHelp(
      "Of a table's rows: a column, one of =, < and >, and a value.", valueName: "property"))
  var property: String?

  @OptionGroup(title: HelpTitle.data) var table: TableFileOptions

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Instead of a table: pictures that have it.", valueName: "image"),
    completion: .picturesAndNames)
  var with: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Pictures that have it not.", valueName: "image"),
    completion: .picturesAndNames)
  var without: [String] = []

  @Option(parsing: .unconditional, help: ArgumentHelp("Records of one update.", valueName: "n"))
  var batchSize = 8

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Of these so many have it where a batch has it; all by default.", valueName: "n"))
  var having: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Rounds, between which the model takes a step with the mean of all updates.", valueName: "n"))
  var rounds = 1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The adversary's own updates with, and as many without, in each round.", valueName: "n",
      visibility: .rare))
  var auxiliary = 200

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Clients with, and as many without, at most.", valueName: "n", visibility: .rare))
  var clients = 50

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Seed of weights and batches.", valueName: "n"))
  var seed: UInt64 = 0

  @OptionGroup(title: HelpTitle.update) var update: UpdateOptions
  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection
  @OptionGroup(title: HelpTitle.model) var loss: LossOptions
  @OptionGroup(title: HelpTitle.training, visibility: .rare) var training: LocalTrainingOptions
  @OptionGroup(title: HelpTitle.defence) var defence: DefenceOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  mutating func validate() throws {
    selection.weights = try update.start(or: selection.weights)
    try check("--batch-size", batchSize, 1...4096)
    if let having { try check("--having", having, 1...batchSize) }
    try check("--rounds", rounds, 1...1000)
    try check("--auxiliary", auxiliary, 10...100_000)
    try check("--clients", clients, PropertyStudy.fewestClients...100_000)
    try table.checkFile()
    let arePictures = !with.isEmpty || !without.isEmpty
    guard (table.file != nil) != arePictures else {
      throw ValidationError(
        "There are no records, or two kinds; give a --table, or pictures --with and --without the property."
      )
    }
    guard (property != nil) == (table.file != nil) else {
      throw ValidationError(
        table.file == nil
          ? "A property such as sex=female is of a --table; leave it out, or give that."
          : "There is no property; give a column and a value, such as sex=female.")
    }
    if let property, PropertyRule(property) == nil {
      throw ValidationError(
        "\(property.quotedForMessage) is no property; give a column, one of =, < and >, and a value (a number behind < and >)."
      )
    }
    if update.file != nil {
      guard defence.defences.isEmpty, rounds == 1 else {
        throw ValidationError(
          "--defence and --rounds are of simulated clients, and --update comes from a real one; leave them out."
        )
      }
    }
  }

  func run() throws {
    let folder = try output.folder(
      besides: with + without + table.paths + [update.file].compactMap(\.self))
    Interruption.listen()
    guard let record = try naming(RowExperiments.options, { try self.record() }) else {
      throw FinishedWithStatus(status: ExitStatus.interrupted)
    }
    let json = try ResultWriter.json(record)
    try folder?.replace { try AtomicFile.write(json, to: $0.path(of: "property.json")) }
    if output.json { return Terminal.print(json) }
    PropertyTable(record).print()
    if let folder { Terminal.printWritten(folder.path(of: "property.json")) }
  }

  private func record() throws -> PropertyRecord? {
    let experiment = try experiment()
    return experiment.data.kind == .rows
      ? try ofRows(experiment) : try ofPictures(experiment)
  }

  private func ofRows(_ experiment: Experiment) throws -> PropertyRecord? {
    let runner = try RowRunner(experiment, batchSizes: [1, batchSize], backend: output.backend)
    guard let rule = property.flatMap(PropertyRule.init) else { return nil }
    let asked = try RowProperty(
      rule, runner, try experiment.loss.clientLoss(of: runner.inputs.selected))
    let subject =
      experiment.data.update == nil
      ? nil : try runner.prepareRows(experiment).inputs.sharedUpdate
    return try simulate(
      PropertyStudy(runner.inputs, experiment, kind: .rows), asked.pool, asked.loss, subject
    ).map(asked.completing)
  }

  private func ofPictures(_ experiment: Experiment) throws -> PropertyRecord? {
    let selected = try selection.select(batchSizes: [1, batchSize])
    try checkPictures(selected.model, arePhotographs: true)
    let runner = PictureRunner(selected, backend: try output.backend)
    let loss = try experiment.loss.clientLoss(of: selected)
    let read = try examples(with + without, selected)
    let examples = MembershipStudy.labelled(read, for: selected.model, loss, seed: seed)
    let pool = examples.enumerated().map {
      PropertyExample($0.element, hasProperty: $0.offset < with.count)
    }
    let subject =
      experiment.data.update == nil
      ? nil : try runner.prepare(experiment, names: nil, pictures: nil).sharedUpdate
    var record = try simulate(
      PropertyStudy(runner, experiment, kind: .pictures), pool, loss, subject)
    record?.property = "the pictures given as --with"
    return record
  }

  private func simulate(
    _ study: PropertyStudy, _ pool: [PropertyExample], _ loss: ClientLoss,
    _ subject: SharedUpdate?
  ) throws -> PropertyRecord? {
    let progress = LiveDisplay(isEnabled: !isQuiet)
    defer { progress.clear() }
    let started = Date()
    return try study.run(
      pool,
      sizes: PropertyStudy.Sizes(
        batch: batchSize, having: having ?? batchSize, auxiliary: auxiliary, clients: clients,
        rounds: rounds),
      loss: loss, subject: subject
    ) { share in
      progress.update {
        var text = ProgressText()
        text.add("\(Int(share * 100)) % of all updates", importance: 9)
        text.addBar(share, importance: 1)
        if share > 0.02 {
          let left = Date().timeIntervalSince(started) * (1 - share) / share
          text.add(TimeLeft.about(left).text, importance: 5)
        }
        return text.line
      }
      return Interruption.isRequested ? .stop(.interrupted) : .proceed
    }
  }
}

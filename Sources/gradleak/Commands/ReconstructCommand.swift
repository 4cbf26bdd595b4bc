import ArgumentParser
import Attacks
import Audit
import Foundation
import ModelIO
import TensorGraph

/// The same with the user's own pictures, or with a gradient that a client shared.
struct ReconstructCommand: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "reconstruct",
    abstract: "Reads pictures back from your or a client's gradient.",
    discussion: """
      Names of bundled photographs do for a try. With --out the reconstructions, a contact sheet, run.json \
      and trace.csv are written.

      EXAMPLES
        gradleak reconstruct chelsea
        gradleak reconstruct chelsea coffee --model mlp --out out
        gradleak reconstruct chelsea --defence prune:0.3+fp16
        gradleak gradient --input chelsea --label 3 --save-weights w.st --out g.st
        gradleak reconstruct --update g.st --weights w.st --truth chelsea
      """)

  @Argument(
    help: ArgumentHelp(
      "Pictures (PNG, JPEG), bundled names, or .npy arrays of the model's input.",
      valueName: "image"), completion: .picturesAndNames)
  var images: [String] = []

  @OptionGroup(title: HelpTitle.data, visibility: .rare) var texts: TextDataOptions
  @OptionGroup(title: HelpTitle.update) var update: UpdateOptions
  @OptionGroup(title: HelpTitle.training, visibility: .rare) var training: LocalTrainingOptions
  @OptionGroup(title: HelpTitle.training) var aggregate: ClientOptions

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "With --update: the pictures to measure by.",
      valueName: "image"), completion: .picturesAndNames)
  var truth: [String] = []

  @OptionGroup(title: HelpTitle.data) var pictures: PictureOptions
  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection
  @OptionGroup(title: HelpTitle.model) var textModel: TextModelOptions
  @OptionGroup(title: HelpTitle.model) var loss: LossOptions
  @OptionGroup(title: HelpTitle.attack) var attack: AttackOptions
  @OptionGroup(title: HelpTitle.attack) var threat: AttackerOptions
  @OptionGroup(title: HelpTitle.defence) var defence: DefenceOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Pictures that share one gradient, of each client.",
      valueName: "n"))
  var batchSize: Int?

  @OptionGroup var labels: LabelOptions

  mutating func validate() throws {
    selection.weights = try update.start(or: selection.weights)
    try training.checkSteps(of: aggregate)
    if let batchSize { try check("--batch-size", batchSize, 1...100_000) }
    if update.file != nil, !images.isEmpty {
      throw ValidationError(
        "The picture \(images[0].quotedForMessage) is given beside --update; name pictures to "
          + "measure by with --truth.")
    }
    try update.refuse(defence)
    if isOnTexts {
      try update.refuseFindingScale("--learning-rate")
      guard images.isEmpty, truth.isEmpty else {
        throw ValidationError("There are pictures and texts; give one of them.")
      }
      guard texts.isGiven || update.file != nil else {
        throw ValidationError(
          "There is nothing to reconstruct; give texts, or a client's gradient with --update.")
      }
      return
    }
    if textModel.isGiven {
      throw ValidationError(
        "--head, --adapter, --freeze-embeddings, --lora and --prior-model are for language models; give texts."
      )
    }
    if update.file == nil, images.isEmpty {
      throw ValidationError(
        "There is nothing to reconstruct; give pictures, or a client's gradient with --update.")
    }
    if update.file == nil {
      try aggregate.checkRound(examples: images.count, "pictures", batchSize: batchSize ?? 1)
    }
    if update.file == nil, !truth.isEmpty {
      throw ValidationError("--truth is measured against an --update; give pictures without it.")
    }
  }

  /// Whether texts are sought.
  private var isOnTexts: Bool {
    selection.isLanguageModel(texts, textModel)
  }

  private func runOnTexts() throws {
    var base = try textModel.experiment(
      try selection.textChoice(), try attack.textConfiguration(by: threat))
    try base.add(defence)
    let experiments = TextExperiments(
      base: base, options: textModel, training: training, aggregate: aggregate,
      batchSize: batchSize ?? 1)
    let session = ExperimentSession(try experiments.runner(output), output)
    let given = try texts.read()
    let all =
      if let update = update.choice(batchSize: batchSize ?? 1) {
        [try experiments.captured(update, truth: given)]
      } else {
        try experiments.simulated(given, labels: labels.given, on: session.runner)
      }
    try session.conclude(all, besides: [update.file].compactMap(\.self))
  }

  func run() throws {
    guard !isOnTexts else { return try runOnTexts() }
    let size = (batchSize ?? 1) * aggregate.clients
    let rest = images.count % size
    let selected = try selection.select(
      batchSizes: update.file != nil
        ? [updateBatchSize * aggregate.clients]
        : images.count < size ? [rest] : rest == 0 ? [size] : [size, rest])
    let experiments = try experiments(on: selected)
    let session = ExperimentSession(
      PictureRunner(selected, backend: try output.backend), output)
    var names = PictureNames.unique(images + truth, outputFolder: output.out)[...]
    // All pictures are read before anything is written.
    let prepared = try experiments.map { experiment in
      let count = experiment.data.pictures.count
      defer { names = names.dropFirst(count) }
      if update.findScale { return try session.prepareFindingScale(experiment) }
      return try session.prepare(experiment, names: Array(names.prefix(count)))
    }
    let writer = try output.folder(besides: images + truth).map { ResultWriter(folder: $0) }
    for note in prepared.flatMap(\.notes) { Notes.remark(note) }
    try session.finish(try session.run(prepared), writer)
  }

  /// Examples of each client behind an update.
  private var updateBatchSize: Int { batchSize ?? max(truth.count / aggregate.clients, 1) }

  /// What the options ask for: one experiment for each update.
  ///
  /// - Throws: ``ValidationError`` when options do not fit each other or the model.
  func experiments(on selected: SelectedModel) throws -> [Experiment] {
    var experiment = try Experiment(
      selection, loss: loss, attack: attack, by: threat, default: .automatic)
    try experiment.add(defence)
    experiment.data.readAs = pictures.readAs
    experiment.data.labels = labels.given
    if let update = update.choice(batchSize: updateBatchSize) {
      experiment.client = try training.choice(exampleCount: updateBatchSize, aggregate)
      experiment.data.update = update
      experiment.data.pictures = truth
      return [experiment]
    }
    experiment.data.pictures = images
    experiment.data.labels = try labels.given(forPictures: images.count)
    return try naming { try experiment.labelled(for: selected) }
      .divided(into: (batchSize ?? 1) * aggregate.clients).map { part in
        var part = part
        part.client = try training.choice(
          exampleCount: part.data.pictures.count / aggregate.clients, aggregate)
        return part
      }
  }
}

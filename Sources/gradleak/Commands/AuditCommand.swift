import ArgumentParser
import Audit
import Clients
import Defences
import Foundation
import ModelIO
import TensorGraph

/// The verdict on a model: what leaks, how surely, and what helps.
struct AuditCommand: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Judges a model: what leaks, how surely, and what stops it.",
    discussion: """
      Attacks simulated clients, then looks for the weakest strength of each defence that helps, \
      in a budget of time. An update that does not fit gives status 2.

      EXAMPLES
        gradleak audit --budget 60 --out out/audit
        gradleak audit --defences gaussian,prune --fail-above C
        gradleak audit --model tiny-bert --budget 60
        gradleak audit --table heart.csv --label num --ignore id
        gradleak audit --signal ecg.csv --length 256
      """)

  @Argument(
    help: ArgumentHelp(
      "Pictures: PNG or JPEG, bundled names (all of those by default), or .npy arrays of the model's input.",
      valueName: "image"), completion: .picturesAndNames)
  var images: [String] = []

  @OptionGroup(title: HelpTitle.data) var texts: TextDataOptions
  @OptionGroup(title: HelpTitle.data) var table: TableFileOptions
  @OptionGroup(title: HelpTitle.data) var signal: SignalFileOptions
  @OptionGroup(title: HelpTitle.data, visibility: .rare) var rows: RowOptions

  @Option(
    help: ArgumentHelp(
      "Of rows: also whether updates tell a property of their batches, such as sex=female.",
      valueName: "property", visibility: .rare))
  var property: String?

  @OptionGroup(title: HelpTitle.update) var update: UpdateOptions
  @OptionGroup(title: HelpTitle.training, visibility: .rare) var training: LocalTrainingOptions
  @OptionGroup(title: HelpTitle.training) var aggregate: ClientOptions
  @OptionGroup(title: HelpTitle.data) var pictures: PictureOptions
  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection
  @OptionGroup(title: HelpTitle.model) var textModel: TextModelOptions
  @OptionGroup(title: HelpTitle.model) var loss: LossOptions
  @OptionGroup(title: HelpTitle.attack) var attack: AttackOptions
  @OptionGroup(title: HelpTitle.attack) var threat: AttackerOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Examples that share one gradient.", valueName: "n"))
  var batchSize = 1

  @OptionGroup(title: HelpTitle.data, visibility: .rare) var labels: LabelOptions

  @Option(
    help: ArgumentHelp(
      "Defences to look for the strength of, or none.", valueName: "names"),
    completion: .list(["none"] + AuditCommand.searchedNames))
  var defences = AuditCommand.standard.map(\.name).joined(separator: ",")

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seconds for everything.", valueName: "seconds"))
  var budget = 180.0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Status 1 above this grade (A to F) or PSNR (such as 20dB), or when nothing is shown; 3 for want of time.",
      valueName: "limit"))
  var failAbove: LeakLimit?

  @Option(
    help: ArgumentHelp(
      "File for the verdict as JUnit's XML, which CI systems show as tests.", valueName: "file",
      visibility: .rare), completion: .file(extensions: ["xml"]))
  var junit: String?

  @Option(
    help: ArgumentHelp(
      "File for the verdict as SARIF, which code scanning shows beside the model's file.",
      valueName: "file", visibility: .rare), completion: .file(extensions: ["sarif"]))
  var sarif: String?

  private static let standard = DefenceCatalog.all.filter { $0.strengths?.isStandard == true }
  /// The kinds with strengths to search, the standard ones first.
  private static let kinds =
    standard + DefenceCatalog.all.filter { $0.strengths?.isStandard == false }
  private static let searchedNames = kinds.map(\.name)

  mutating func validate() throws {
    selection.weights = try update.start(or: selection.weights)
    try training.checkSteps(of: aggregate)
    try check("--batch-size", batchSize, 1...100_000)
    guard budget > 0, budget <= 1e7 else {
      throw ValidationError("--budget is \(budget); give a number of seconds above 0.")
    }
    if update.file != nil, !images.isEmpty {
      throw ValidationError(
        "The picture \(images[0].quotedForMessage) is given beside --update; give one of them.")
    }
    if isOnRows {
      try checkRows()
    } else if isOnSignals {
      try checkSignals()
    } else if rows.isGiven || property != nil {
      throw ValidationError(
        "--rows, --batches, --by and --property are of a table; give its file with --table.")
    }
    if isOnTexts { try update.refuseFindingScale("--learning-rate") }
    if isOnTexts, update.file != nil, labels.given != nil {
      throw ValidationError("--labels goes with pictures here, or with texts; leave it out.")
    }
    if isOnTexts, !images.isEmpty {
      throw ValidationError(
        "The picture \(images[0].quotedForMessage) is given beside texts; give one of them.")
    }
    if !isOnTexts, !isOnRows, !isOnSignals, textModel.isGiven {
      throw ValidationError(
        "--head, --adapter, --freeze-embeddings, --lora and --prior-model are for language models; give the "
          + "folder of one with --model, or texts.")
    }
    if update.file == nil, !isOnTexts, !isOnRows, !isOnSignals {
      try aggregate.checkRound(
        examples: images.isEmpty ? BundledImages.names.count : images.count, "pictures",
        batchSize: batchSize)
    }
    _ = try searchedKinds()
  }

  /// Whether a language model is audited.
  private var isOnTexts: Bool {
    !isOnRows && !isOnSignals && selection.isLanguageModel(texts, textModel)
  }

  /// The kinds of defences that were asked for.
  func searchedKinds() throws -> [DefenceDescriptor] {
    guard defences != "none" else { return [] }
    return try defences.split(separator: ",", omittingEmptySubsequences: false).map { part in
      let name = part.trimmingCharacters(in: .whitespaces)
      guard let kind = AuditCommand.kinds.first(where: { $0.name == name }) else {
        let hint =
          nearestSpelling(to: name, in: AuditCommand.searchedNames).map { "did you mean \($0)? " }
          ?? ""
        throw ValidationError(
          "--defences has \(name.quotedForMessage); \(hint)The names are "
            + AuditCommand.searchedNames.joined(separator: ", ") + ", or none.")
      }
      return kind
    }
  }

  func run() throws {
    let date = try ReportDate.ofEnvironment() ?? ReportDate(Date())
    for file in [junit, sarif].compactMap(\.self) { try AtomicFile.check(file) }
    let writer = try output.folder(
      besides: images + table.paths + [signal.file].compactMap(\.self)
    ).map {
      AuditWriter(folder: $0, date: date, makeCommands: ExperimentCommandLine.commands(for:))
    }
    let result = try naming(isOnRows ? RowExperiments.options : [:]) {
      try update.file == nil ? simulate() : auditUpdate()
    }
    let written = try writer.map { try $0.write(result) }
    var input = ReportInput(records: result.records, folder: nil, path: output.out ?? "memory")
    input.addInference(of: result)
    let report = Report(
      input, remarks: result.remarks, defencesLeftOut: result.defencesLeftOut,
      makeCommands: ExperimentCommandLine.commands(for:))
    if output.json {
      Terminal.write(try report.text(.json), to: .standardOutput)
    } else {
      AuditSummary(result: result, report: report).print()
      if let written { Terminal.printWritten(written) }
    }
    try writeForCI(report.verdict)
    try finish(report.verdict)
  }

  /// What `--junit` and `--sarif` ask for.
  private func writeForCI(_ verdict: LeakageVerdict) throws {
    if let junit {
      try AtomicFile.write(JUnit(verdict, limit: failAbove).text, to: junit, isPrivate: true)
    }
    if let sarif {
      let file = selection.isFile ? selection.model : update.file
      try AtomicFile.write(
        SARIF(verdict, limit: failAbove, file: file).text(), to: sarif, isPrivate: true)
    }
  }

  // MARK: - A client's update

  /// Attacks an update that a client shared; its originals are not known, and the diagnosis decides.
  private func auditUpdate() throws -> LeakageAudit.Result {
    var (session, experiment) =
      try isOnRows
      ? rowUpdate() : isOnSignals ? signalUpdate() : isOnTexts ? textUpdate() : pictureUpdate()
    experiment.attack.timeLimit = min(attack.timeLimit ?? .infinity, budget)
    let prepared =
      try update.findScale
      ? session.prepareFindingScale(experiment) : session.prepare(experiment)
    for note in prepared.notes { Notes.remark(note) }
    guard let outcome = try session.run([prepared]).first else { return LeakageAudit.Result() }
    var result = LeakageAudit.Result()
    result.undefended = [outcome]
    result.wasInterrupted = outcome.wasInterrupted
    result.defencesLeftOut =
      "Defences: an update that was shared can be defended no more; audit the model on data of your own."
    return result
  }

  private func pictureUpdate() throws -> (ExperimentSession, Experiment) {
    let selected = try selection.select(batchSizes: [batchSize * aggregate.clients])
    var experiment = try undefended()
    experiment.client = try training.choice(exampleCount: batchSize, aggregate)
    experiment.data.update = update.choice(batchSize: batchSize)
    experiment.data.labels = labels.given
    let runner = PictureRunner(selected, backend: try output.backend)
    return (ExperimentSession(runner, output), experiment)
  }

  private func textUpdate() throws -> (ExperimentSession, Experiment) {
    let experiments = try textExperiments()
    guard let choice = update.choice(batchSize: batchSize) else {
      throw ValidationError("There is no --update; give one.")
    }
    return (
      ExperimentSession(try experiments.runner(output), output),
      try experiments.captured(choice, truth: try texts.read())
    )
  }

  private func textExperiments() throws -> TextExperiments {
    TextExperiments(
      base: try textModel.experiment(
        try selection.textChoice(), try attack.textConfiguration(by: threat)),
      options: textModel, training: training, aggregate: aggregate, batchSize: batchSize)
  }

  // MARK: - Simulated clients

  private func simulate() throws -> LeakageAudit.Result {
    guard !isOnRows else { return try simulateRows() }
    guard !isOnSignals else { return try simulateSignals() }
    guard !isOnTexts else { return try simulateTexts() }
    let names = images.isEmpty ? BundledImages.names : images
    let whole = batchSize * aggregate.clients
    let rest = names.count % whole
    let selected = try selection.select(
      batchSizes: names.count < whole ? [rest] : rest == 0 ? [whole] : [whole, rest])
    let runner = PictureRunner(selected, backend: try output.backend)
    return try audit(try prepared(names, on: runner), runner)
  }

  private func simulateTexts() throws -> LeakageAudit.Result {
    let experiments = try textExperiments()
    let session = ExperimentSession(try experiments.runner(output), output)
    let privateTexts = texts.isGiven ? try texts.read() : BundledText.privateTexts
    return try audit(
      try experiments.simulated(privateTexts, labels: labels.given, on: session.runner).map {
        try session.prepare($0)
      },
      session.runner)
  }

  /// - Parameter share: of the budget.
  func audit(
    _ experiments: [any PreparedExperiment], _ runner: any ExperimentRunner, share: Double = 1
  ) throws -> LeakageAudit.Result {
    let audit = LeakageAudit(
      LeakageAudit.Plan(
        experiments: experiments, kinds: try searchedKinds(), budget: share * budget),
      runner: runner)
    var view = ExperimentView(output)
    Interruption.listen()
    let result = try audit.run(
      observe: { state in view.update(state.state) { line(state) } },
      shouldStop: { Interruption.isRequested })
    view.clear()
    return result
  }

  /// What the options say of client and attacker.
  func undefended(on data: DataKindName = .pictures) throws -> Experiment {
    var experiment = try Experiment(
      selection, loss: loss, attack: attack, by: threat, default: .automatic, on: data)
    experiment.data.readAs = pictures.readAs
    return experiment
  }

  /// The pictures with their labels, which are random where none are given, in batches.
  private func prepared(
    _ paths: [String], on runner: PictureRunner
  ) throws -> [any PreparedExperiment] {
    var experiment = try undefended()
    experiment.data.pictures = paths
    experiment.data.labels = try labels.given(forPictures: paths.count)
    let labelled = try naming { try runner.labelled(experiment) }
    let names = PictureNames.unique(paths, outputFolder: output.out)
    let whole = batchSize * aggregate.clients
    return try labelled.divided(into: whole).enumerated().map { index, part in
      var part = part
      part.client = try training.choice(
        exampleCount: part.data.pictures.count / aggregate.clients, aggregate)
      return try naming {
        try runner.prepare(part, names: Array(names.dropFirst(index * whole).prefix(whole)))
      }
    }
  }

  /// For instance "prune:0.7  ━━━━┄┄┄┄┄┄  trial 1  80 iterations  loss 2.1e-06  at most 3:12": how much of the budget
  /// is spent, and what is done.
  private func line(_ state: LeakageAudit.Progress) -> String {
    let attack = state.state.attack
    var text = ProgressText()
    text.add(state.step, importance: 9)
    text.addBar(1 - state.secondsLeft / budget, importance: 1)
    if let stage = state.state.stage {
      text.add("\(stage) \(attack.solver.iteration)", importance: 4)
    } else {
      text.add("trial \(attack.trial + 1)", importance: 2)
      text.add("\(attack.solver.iteration) iterations", importance: 4)
    }
    if !attack.solver.value.isNaN {
      text.add(String(format: "loss %.1e", attack.solver.value), importance: 3)
    }
    text.add(TimeLeft.atMost(state.secondsLeft).text, importance: 5)
    return text.line
  }

  private func finish(_ verdict: LeakageVerdict) throws {
    if Interruption.isRequested {
      Terminal.printError("Interrupted; this is what was found so far.")
      throw FinishedWithStatus(status: ExitStatus.interrupted)
    }
    let misfits = verdict.records.filter { $0.doubt == .misfit }
    if let first = misfits.first, verdict.grade == .notShown {
      Terminal.printError(
        "gradleak: the update does not fit the model as described. "
          + ((first.misfit?.sentence ?? first.diagnosis?.explanation)?.namingOptions ?? ""))
      throw FinishedWithStatus(status: ExitStatus.badInput)
    }
    guard let failAbove, let failure = failAbove.failure(of: verdict) else { return }
    Terminal.printError("gradleak: \(failure.reason.namingOptions)\(failure.remedy).")
    throw FinishedWithStatus(status: failure.status)
  }
}

extension LeakLimit: ExpressibleByArgument {
  /// Reads what follows `--fail-above`.
  public init?(argument: String) { self.init(argument) }
}

extension LeakLimit.Failure {
  /// The program's status for it.
  fileprivate var status: Int32 {
    kind == .cutShort ? ExitStatus.undetermined : ExitStatus.found
  }

  /// What helps, after the reason.
  fileprivate var remedy: String { kind == .cutShort ? "; give a larger --budget" : "" }
}

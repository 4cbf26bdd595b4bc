import ArgumentParser
import Audit
import Clients
import Defences
import Foundation
import ModelIO
import TensorGraph

/// The verdict on a model: what leaks, how surely, and what helps.
struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Judges a model: what leaks from its gradients, how surely, and what stops it.",
    discussion: """
      Simulates clients that share one gradient for each batch of pictures or texts, attacks with the \
      strongest attacks that apply, then looks for the weakest strength of each defence at which nothing can be \
      recognised by an attack that knows of the defence. All within a budget of time; what was not \
      reached is said. Ends with status 1 when --fail-above says so, for use in CI, with status 3 where \
      time was too short to tell, and with status 2 when an update does not fit the model.

      EXAMPLES
        gradleak audit --out out/audit                     bundled photographs
        gradleak audit photo.jpg --model convnet --budget 600
        gradleak audit --defences gaussian,prune --fail-above C
        gradleak audit --defences none --fail-above 20dB   no image above 20 dB
        gradleak audit --update client.pt --model net.onnx --out out/client
        gradleak audit --texts lines.txt --model minilm    texts and a language model
      """)

  @Argument(
    help: ArgumentHelp(
      "Pictures: PNG or JPEG, or names of bundled photographs; all of those by default.",
      valueName: "image"))
  var images: [String] = []

  @OptionGroup var texts: TextDataOptions
  @OptionGroup var update: UpdateOptions
  @OptionGroup var training: LocalTrainingOptions
  @OptionGroup var aggregate: ClientOptions
  @OptionGroup var pictures: PictureOptions
  @OptionGroup var selection: ModelSelection
  @OptionGroup var textModel: TextModelOptions
  @OptionGroup var loss: LossOptions
  @OptionGroup var attack: AttackOptions
  @OptionGroup var threat: AttackerOptions
  @OptionGroup var output: OutputOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Pictures or texts that share one gradient.", valueName: "n"))
  var batchSize = 1

  @Option(
    help: ArgumentHelp(
      "Defences to look for the strength of, separated by commas: "
        + "\(AuditCommand.searchedNames.joined(separator: ", ")); or none.", valueName: "names"))
  var defences = AuditCommand.standard.map(\.name).joined(separator: ",")

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seconds for everything.", valueName: "seconds"))
  var budget = 180.0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "End with status 1 when the grade is worse than this letter, A to F, when an image comes back "
        + "with more than this PSNR, such as 20dB, or when nothing is shown either way; with status 3 "
        + "when that is for want of time.", valueName: "grade or dB"))
  var failAbove: AuditLimit?

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
    if isOnTexts { try update.refuseScaleOfTexts() }
    if isOnTexts, !images.isEmpty {
      throw ValidationError(
        "The picture \(images[0].quotedForMessage) is given beside texts; give one of them.")
    }
    if !isOnTexts, textModel.isGiven {
      throw ValidationError(
        "--head, --adapter, --freeze-embeddings, --lora and --prior-model are for language models; give the "
          + "folder of one with --model, or texts.")
    }
    if update.file == nil, aggregate.clients > 1 {
      throw ValidationError(
        "--clients goes with --update here; simulate them with gradleak reconstruct, or with the "
          + "defence secure-aggregation.")
    }
    if update.file == nil, try training.isGiven {
      throw ValidationError(
        "Local steps (--epochs, --mini-batch, --local-steps, --optimizer and its settings) go with "
          + "--update here; simulate them with gradleak reconstruct.")
    }
    _ = try searchedKinds()
  }

  /// Whether a language model is audited.
  private var isOnTexts: Bool {
    selection.isLanguageModel(texts, textModel)
  }

  /// The kinds of defences that were asked for.
  private func searchedKinds() throws -> [DefenceDescriptor] {
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
    let writer = try output.folder(besides: images).map {
      AuditWriter(folder: $0, date: date, makeCommands: ExperimentCommandLine.commands(for:))
    }
    let result = try update.file == nil ? simulate() : auditUpdate()
    let written = try writer.map { try $0.write(result) }
    let report = Report(
      ReportInput(records: result.records, folder: nil, path: output.out ?? "memory"),
      remarks: result.remarks, defencesLeftOut: result.defencesLeftOut,
      makeCommands: ExperimentCommandLine.commands(for:))
    if output.json {
      Terminal.write(try report.text(.json), to: .standardOutput)
    } else {
      AuditSummary(result: result, report: report).print()
      if let written { Terminal.printWritten(written) }
    }
    try finish(report.verdict)
  }

  // MARK: - A client's update

  /// Attacks an update that a client shared; its originals are not known, and the diagnosis decides.
  private func auditUpdate() throws -> LeakageAudit.Result {
    var (session, experiment) = try isOnTexts ? textUpdate() : pictureUpdate()
    experiment.attack.timeLimit = min(attack.timeLimit ?? .infinity, budget)
    let prepared =
      try update.findScale
      ? session.prepareFindingScale(experiment) : session.prepare(experiment)
    for note in prepared.notes { Terminal.printNote(note) }
    guard let outcome = try session.run([prepared]).first else { return LeakageAudit.Result() }
    var result = LeakageAudit.Result()
    result.undefended = [outcome]
    result.wasInterrupted = outcome.wasInterrupted
    result.defencesLeftOut =
      "Defences: an update that was shared can be defended no more; audit the model on pictures."
    return result
  }

  private func pictureUpdate() throws -> (ExperimentSession, Experiment) {
    let selected = try selection.select(batchSizes: [batchSize * aggregate.clients])
    var experiment = try undefended()
    experiment.client = try training.choice(exampleCount: batchSize, aggregate)
    experiment.data.update = update.choice(batchSize: batchSize)
    let runner = PictureRunner(selected, backend: output.backend)
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
    guard !isOnTexts else { return try simulateTexts() }
    let names = images.isEmpty ? BundledImages.names : images
    let rest = names.count % batchSize
    let selected = try selection.select(
      batchSizes: names.count < batchSize
        ? [rest] : rest == 0 ? [batchSize] : [batchSize, rest])
    let runner = PictureRunner(selected, backend: output.backend)
    return try audit(try prepared(names, on: runner), runner)
  }

  private func simulateTexts() throws -> LeakageAudit.Result {
    let experiments = try textExperiments()
    let session = ExperimentSession(try experiments.runner(output), output)
    let privateTexts = texts.isGiven ? try texts.read() : BundledText.privateTexts
    return try audit(
      try experiments.simulated(privateTexts, on: session.runner).map { try session.prepare($0) },
      session.runner)
  }

  private func audit(
    _ experiments: [any PreparedExperiment], _ runner: any ExperimentRunner
  ) throws -> LeakageAudit.Result {
    let audit = LeakageAudit(
      LeakageAudit.Plan(experiments: experiments, kinds: try searchedKinds(), budget: budget),
      runner: runner)
    let progress = ProgressLine(isEnabled: !output.quiet)
    Interruption.listen()
    let result = try audit.run(
      observe: { state in progress.update { AuditCommand.line(state) } },
      shouldStop: { Interruption.isRequested })
    progress.clear()
    return result
  }

  /// What the options say of client and attacker.
  private func undefended() throws -> Experiment {
    var experiment = try Experiment(
      selection, loss: loss, attack: attack, by: threat, default: .automatic)
    experiment.data.readAs = pictures.readAs
    return experiment
  }

  /// The pictures with their labels, which are random, in batches.
  private func prepared(
    _ paths: [String], on runner: PictureRunner
  ) throws -> [any PreparedExperiment] {
    var experiment = try undefended()
    experiment.data.pictures = paths
    let labelled = try naming { try runner.labelled(experiment) }
    let names = PictureNames.unique(paths, outputFolder: output.out)
    return try labelled.divided(into: batchSize).enumerated().map { index, part in
      try naming {
        try runner.prepare(
          part, names: Array(names.dropFirst(index * batchSize).prefix(batchSize)))
      }
    }
  }

  /// For instance "prune:0.7  trial 1  80 iterations  loss 2.1e-06  3:12 left".
  private static func line(_ state: LeakageAudit.Progress) -> String {
    let attack = state.state.attack
    let place =
      state.state.stage.map { "\($0) \(attack.solver.iteration)" }
      ?? "trial \(attack.trial + 1)  \(attack.solver.iteration) iterations"
    let loss = attack.solver.value.isNaN ? "" : String(format: "  loss %.1e", attack.solver.value)
    return "\(state.step)  \(place)\(loss)  \(ProgressLine.clock(state.secondsLeft)) left"
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
    Terminal.printError("gradleak: \(failure.reason).")
    throw FinishedWithStatus(status: failure.status)
  }
}

/// What `--fail-above` allows at most: a grade, or a PSNR in dB.
enum AuditLimit: ExpressibleByArgument, Equatable {
  case grade(LeakageGrade)
  case decibels(Double)

  init?(argument: String) {
    if let grade = LeakageGrade(rawValue: argument.uppercased()), grade != .notShown {
      self = .grade(grade)
      return
    }
    let text = argument.lowercased()
    let number = text.hasSuffix("db") ? text.dropLast(2) : text[...]
    guard let decibels = Double(number.trimmingCharacters(in: .whitespaces)), decibels.isFinite
    else { return nil }
    self = .decibels(decibels)
  }

  /// Why a verdict is no pass under the limit, and the status that says so; nil when it is one. What is
  /// not shown is none.
  func failure(of verdict: LeakageVerdict) -> (reason: String, status: Int32)? {
    if let excess = excess(of: verdict) { return (excess, ExitStatus.found) }
    let open = verdict.recognisable.undetermined
    guard open > 0 || verdict.examples.isEmpty else { return nil }
    let share = "\(open) of \(verdict.examples.count) \(verdict.kind.plural)"
    return verdict.isCutShort
      ? (
        "undetermined for \(share), whose attack was cut short; give a larger --budget",
        ExitStatus.undetermined
      ) : ("not shown for \(share), so this is no pass", ExitStatus.found)
  }

  private func excess(of verdict: LeakageVerdict) -> String? {
    switch self {
    case .grade(let limit):
      guard verdict.grade > limit, verdict.grade != .notShown else { return nil }
      return "grade \(verdict.grade.rawValue) is worse than the \(limit.rawValue) of --fail-above"
    case .decibels(let limit):
      guard verdict.kind.name == .pictures else {
        return "\(verdict.kind.plural) have no dB; give --fail-above a grade"
      }
      if verdict.highestPSNR > limit {
        return
          "an image came back with \(ResultWriter.decibels(verdict.highestPSNR)) dB, more than "
          + "the \(ResultWriter.decibels(limit)) dB of --fail-above"
      }
      let proved = verdict.recognisable.leaked
      guard proved > 0, verdict.examples.contains(where: { !$0.hasTruth }) else { return nil }
      return "\(proved) images came back by the diagnosis, which knows no dB"
    }
  }
}

/// The audit on one page of a terminal.
private struct AuditSummary {
  let result: LeakageAudit.Result
  let report: Report

  func print() {
    let verdict = report.verdict
    let style: Terminal.Style =
      switch verdict.grade {
      case .A, .B: .green
      case .C, .D, .notShown: .yellow
      case .E, .F: .red
      }
    Terminal.print(
      Terminal.styled("\(verdict.grade.title): \(verdict.grade.headline(verdict.kind)).", style))
    for sentence in verdict.sentences { Terminal.printParagraph(sentence) }
    let prepared = result.undefended.flatMap(\.record.judged).compactMap { example in
      example.preparation.map { "Prepared \(example.name): \($0)." }
    }
    for line in Set(prepared).sorted() { Terminal.printParagraph(line) }
    if !result.findings.isEmpty {
      Terminal.print()
      Terminal.print(Terminal.styled("Defences, against attacks that know of them:", .bold))
      for finding in result.findings {
        Terminal.printParagraph(finding.sentence, head: "  ", indentation: 4)
      }
      Terminal.printParagraph(
        "What they cost in accuracy: 'gradleak price --defence' measures it.", head: "  ",
        indentation: 4)
    }
    Terminal.print()
    Terminal.print(Terminal.styled("What cryptography would leave:", .bold))
    for sentence in report.protections {
      Terminal.printParagraph(sentence, head: "  ", indentation: 4)
    }
    Terminal.print()
    Terminal.print(Terminal.styled("Not tested:", .bold))
    for sentence in report.untested {
      Terminal.printParagraph(sentence, head: "  ", indentation: 4)
    }
  }
}

import ArgumentParser
import Audit
import Defences
import Foundation
import ModelIO
import TensorGraph

/// Many attacks on many defences.
struct SweepCommand: ParsableCommand, QuietCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Tries defences at many strengths: where leakage stops.",
    discussion: """
      Runs every combination of a plan. Every result is kept at once: after Ctrl-C or a crash the same \
      command goes on where it was. An attack knows of the defence, unless "/naive" is behind its name; \
      "/unknown:FACT" withholds a fact. A plan is a YAML file:

        model: lenet
        attacks: [auto, dlg/naive]
        seeds: 3
        groups:
          - defences: [none, gaussian:1e-2, prune:0.3+fp16]

      EXAMPLES
        gradleak sweep --preset dlg-paper --results paper.sqlite
        gradleak sweep --defence none --defence fp16 --attack auto --size 16
        gradleak sweep --defence gaussian:1e-2 --attack dlg/naive --dry-run
        gradleak sweep --results sweep.sqlite --json        the report of what is there
      """)

  @Argument(help: ArgumentHelp("Plan in YAML.", valueName: "plan"), completion: .yaml)
  var plan: String?

  @Option(
    help: ArgumentHelp(
      "A plan that is built in: \(SweepPlan.presetNames.joined(separator: ", ")).",
      valueName: "name"), completion: .list(SweepPlan.presetNames))
  var preset: String?

  @Option(
    name: .customLong("defence"),
    help: ArgumentHelp("A defence to try; repeat for more.", valueName: "spec"),
    completion: .defences)
  var defences: [String] = []

  @Option(
    name: .customLong("attack"),
    help: ArgumentHelp(
      "An attack or preset to try; repeat for more. (default: auto)", valueName: "name"),
    completion: .attacks)
  var attacks: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Images that share a gradient; repeat for more.", valueName: "n"))
  var batchSize: [Int] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Height and width of the images; repeat for more.", valueName: "pixels"))
  var size: [Int] = []

  @Option(
    help: ArgumentHelp("Model; see 'gradleak models'.", valueName: "name"), completion: .models)
  var model: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Repeat with this many seeds, from --seed up.", valueName: "n"))
  var seeds: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The first seed.", valueName: "n", visibility: .rare))
  var seed: UInt64?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Starts at most of each attack.", valueName: "n", visibility: .rare))
  var trials: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Iterations at most in each trial.", valueName: "n", visibility: .rare))
  var iterations: Int?

  @Option(
    help: ArgumentHelp("Folder of pictures instead of the bundled ones.", valueName: "folder"),
    completion: .directory)
  var images: String?

  @Option(
    help: ArgumentHelp(
      "A file with one private text a line instead of pictures; --model is then a language model's folder.",
      valueName: "file"), completion: .texts)
  var texts: String?

  @Option(
    help: ArgumentHelp("SQLite file of the results.", valueName: "file"),
    completion: .file(extensions: ["sqlite"]))
  var results = "sweep.sqlite"

  @Option(
    help: ArgumentHelp(
      "Write the table's cells to a CSV file.", valueName: "file", visibility: .rare),
    completion: .file(extensions: ["csv"]))
  var csv: String?

  @Flag(help: "Print the report as JSON instead of a table.")
  var json = false

  @Flag(help: "Say what would be run, and run nothing.")
  var dryRun = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "PSNR in dB from which an image counts as leaked.", valueName: "dB", visibility: .rare))
  var leakedPsnr = LeakThreshold.recognisablePSNR

  @Flag(name: [.customLong("quiet"), .customShort("q")], help: "Show no progress.")
  var isQuiet = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Runs at a time; as many as processors by default.", valueName: "n", visibility: .rare))
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "What computes; see 'gradleak devices'.", valueName: "device", visibility: .rare),
    completion: .list(BackendChoice.allValueStrings))
  var device = BackendChoice.cpu

  func validate() throws {
    if let threads { try check("--threads", threads, 1...1024) }
    if let seeds { try check("--seeds", seeds, 1...100_000) }
    if let trials { try check("--trials", trials, 1...1_000_000) }
    if let iterations { try check("--iterations", iterations, 1...100_000_000) }
    for size in size { try check("--size", size, 1...8192) }
    for batchSize in batchSize { try check("--batch-size", batchSize, 1...1000) }
    guard leakedPsnr.isFinite else {
      throw ValidationError("--leaked-psnr is \(leakedPsnr); give a number of dB.")
    }
    guard images == nil || texts == nil else {
      throw ValidationError("There are --images and --texts; give one of them.")
    }
    guard plan == nil || preset == nil else {
      throw ValidationError("There is a plan and a --preset; give one of them.")
    }
  }

  func run() throws {
    let plan = try chosenPlan()
    let examples = try plan.map { try SweepExamples(of: $0) } ?? SweepExamples()
    let tasks = try naming { try plan?.tasks(of: examples) ?? [] }
    // A model or activation that does not exist, or a defence that cannot act, is found out before
    // anything runs.
    let backend = try device.backend(threads: 1)
    try SweepTask.check(tasks, examples, backend: backend)
    if dryRun {
      let cells = SweepReport.cellCount(of: tasks)
      Terminal.print("\(tasks.count) runs in \(cells) cells.")
      return
    }
    if plan == nil, !FileManager.default.fileExists(atPath: results) {
      throw ValidationError(
        "There is nothing to run; give a plan, a --preset or a --defence, see 'gradleak sweep --help'."
      )
    }
    let store = try SweepStore(path: results)
    if !tasks.isEmpty { try run(tasks, examples, store, on: backend) }
    let own = try SweepReport.order(
      try store.entries(), of: plan == nil ? nil : tasks)
    let report = SweepReport(own, leakedPSNR: leakedPsnr)
    if let csv { try AtomicFile.write(report.csv, to: csv) }
    if json {
      Terminal.write(try ResultWriter.json(report), to: .standardOutput)
    } else {
      SweepTable(report: report).print()
      Terminal.print("Results: \(results), \(own.count) of \(max(tasks.count, own.count)) runs.")
    }
    if Interruption.isRequested {
      Terminal.printError("Interrupted; the same command goes on from here.")
      throw FinishedWithStatus(status: ExitStatus.interrupted)
    }
  }

  /// The plan of the file, preset or options; nil when there is none.
  private func chosenPlan() throws -> SweepPlan? {
    var chosen: SweepPlan
    if let plan {
      chosen = try SweepPlan.read(contentsOf: plan)
    } else if let preset {
      guard let known = try SweepPlan.preset(named: preset) else {
        throw ValidationError(
          "There is no preset called \(preset.quotedForMessage); the presets are "
            + SweepPlan.presetNames.joined(separator: ", ") + ".")
      }
      chosen = known
    } else if defences.isEmpty && attacks.isEmpty && batchSize.isEmpty && size.isEmpty
      && texts == nil
    {
      return nil
    } else {
      chosen = SweepPlan(groups: [SweepPlan.Group()])
    }
    for index in chosen.groups.indices { try override(&chosen.groups[index]) }
    if let images { (chosen.imageFolder, chosen.textFile) = (images, nil) }
    if let texts { (chosen.imageFolder, chosen.textFile) = (nil, texts) }
    return chosen
  }

  /// What was given as an option counts instead of what the plan says.
  private func override(_ group: inout SweepPlan.Group) throws {
    if !defences.isEmpty {
      group.defences = try defences.map { text in
        do throws(DefenceError) {
          return try DefenceChain(text)
        } catch {
          throw ValidationError("--defence: \(error.message).")
        }
      }
    }
    if !attacks.isEmpty { group.attacks = try attacks.map { try SweepAttack($0) } }
    if !batchSize.isEmpty { group.batchSizes = batchSize }
    if !size.isEmpty { group.sizes = size }
    if let model { group.model = model }
    if let seeds { group.seeds = seeds }
    if let seed { group.firstSeed = seed }
    if let trials { group.trials = trials }
    if let iterations { group.iterations = iterations }
  }

  private func run(
    _ tasks: [SweepTask], _ examples: SweepExamples, _ store: SweepStore, on backend: any Backend
  ) throws {
    // Each run has one thread; a library of its own would share the processors out again.
    setenv("OPENBLAS_NUM_THREADS", "1", 1)
    setenv("OMP_NUM_THREADS", "1", 1)
    Interruption.listen()
    let line = SweepDisplay(isEnabled: !isQuiet)
    let runner = SweepRunner(tasks, examples: examples, store: store) { backend }
    try runner.run(
      threads: threads ?? ProcessInfo.processInfo.activeProcessorCount,
      observe: { progress in
        line.update {
          let latest = progress.latest.map { entry -> String in
            let run = entry.record
            let attack = SweepAttack(run)
            return "\(run.defence?.chain ?? .none) \(attack) \(run.bestScore)"
          }
          var text = ProgressText()
          text.add("[\(progress.finished)/\(progress.count)]", importance: 9)
          text.addBar(Double(progress.finished) / Double(max(progress.count, 1)), importance: 2)
          text.add((progress.secondsLeft.map(TimeLeft.about) ?? .unknown).text, importance: 5)
          text.add(latest ?? "", importance: 1)
          return text.line
        }
      }, shouldStop: { Interruption.isRequested })
    line.clear()
  }
}

/// A progress line that runs of several threads write to.
private final class SweepDisplay: @unchecked Sendable {
  private let lock = NSLock()
  private let line: LiveDisplay

  init(isEnabled: Bool) {
    line = LiveDisplay(isEnabled: isEnabled)
  }

  func update(_ text: () -> String) {
    lock.withLock { line.update(text) }
  }

  func clear() {
    lock.withLock { line.clear() }
  }
}

import ArgumentParser
import Audit
import Defences
import Foundation
import ModelIO

/// Every run of a plan, or one worker's share of them.
struct SweepRunCommand: ParsableCommand, QuietCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs a plan, or goes on with it.",
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
        gradleak sweep plan.yaml --shard 3/8                one of eight workers
      """)

  @OptionGroup(title: HelpTitle.plan) var planned: SweepPlanOptions

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
      "Run one share of several workers', such as 3/8, from 0; in an array job of Slurm the job's own. 8 alone: of Kubernetes.",
      valueName: "i/n"))
  var shard: String?

  func validate() throws {
    if let threads { try check("--threads", threads, 1...1024) }
    guard leakedPsnr.isFinite else {
      throw ValidationError("--leaked-psnr is \(leakedPsnr); give a number of dB.")
    }
    guard try chosenShard() == nil || (!json && csv == nil) else {
      throw ValidationError(
        "A share of a sweep has no report; leave --json and --csv out, and give them to 'gradleak sweep merge'."
      )
    }
  }

  /// The share of the option or of an array job; nil for all runs.
  private func chosenShard() throws -> SweepShard? {
    let environment = ProcessInfo.processInfo.environment
    guard let shard else { return SweepShard(environment: environment) }
    let parts = shard.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    let chosen: SweepShard? =
      switch (parts.count, parts.first ?? nil, parts.last ?? nil) {
      case (2, let index?, let count?): SweepShard(index: index, count: count)
      case (1, let count?, _): SweepShard(environment: environment, count: count)
      default: nil
      }
    guard let chosen else {
      throw ValidationError(
        "--shard is \(shard.quotedForMessage); give a share and their number, from 0/8 to 7/8, or their number alone in an "
          + "array job of Slurm or an indexed job of Kubernetes.")
    }
    return chosen
  }

  func run() throws {
    let plan = try planned.tasks()
    let tasks = plan.tasks
    let shard = try chosenShard()
    if dryRun {
      let cells = SweepReport.cellCount(of: tasks)
      let own = try shard.map { shard in
        try tasks.count { shard.contains(try $0.key) }
      }
      Terminal.print(
        "\(tasks.count) runs in \(cells) cells."
          + (own.map { " \($0) of them are in share \(shard?.description ?? "")." } ?? ""))
      return
    }
    if !plan.isPlanned, shard != nil || !FileManager.default.fileExists(atPath: results) {
      throw ValidationError(
        "There is nothing to run; give a plan, a --preset or a --defence, see 'gradleak sweep run --help'."
      )
    }
    if let shard { return try run(shard, of: plan) }
    let store = try SweepStore(path: results)
    if !tasks.isEmpty { try run(tasks, of: plan, store) }
    try SweepOutput(results: results, csv: csv, json: json, leakedPSNR: leakedPsnr)
      .show(store, of: plan.isPlanned ? tasks : nil)
    try endIfInterrupted()
  }

  /// Runs what no worker has finished of a share.
  private func run(_ shard: SweepShard, of plan: PlannedSweep) throws {
    let own = try plan.tasks.filter { shard.contains(try $0.key) }
    let store = try ShardResults(results: results, shard: shard)
    try run(own, of: plan, store)
    try endIfInterrupted()
    Terminal.print(
      "Share \(shard): all \(own.count) of its runs are there (\(plan.tasks.count) in all). "
        + "gradleak sweep merge --results \(results) puts all shares together.")
  }

  private func endIfInterrupted() throws {
    guard Interruption.isRequested else { return }
    Terminal.printError("Interrupted; the same command goes on from here.")
    throw FinishedWithStatus(status: ExitStatus.interrupted)
  }

  private func run(
    _ tasks: [SweepTask], of plan: PlannedSweep, _ store: any SweepResults
  ) throws {
    // Each run has one thread; a library of its own would share the processors out again.
    setenv("OPENBLAS_NUM_THREADS", "1", 1)
    setenv("OMP_NUM_THREADS", "1", 1)
    Interruption.listen()
    let line = SweepDisplay(isEnabled: !isQuiet)
    let backend = plan.backend
    let runner = SweepRunner(tasks, examples: plan.examples, store: store) { backend }
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

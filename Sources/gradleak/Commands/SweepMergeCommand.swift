import ArgumentParser
import Audit
import ModelIO

/// What all workers of a sweep found.
struct SweepMergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Puts the results of all workers together.",
    discussion: """
      Adds what workers left in RESULTS.shards to RESULTS, and prints the report. It can be repeated, also while \
      workers run. Equal results of one run count once; unequal ones are told, and status is 1.

      EXAMPLES
        gradleak sweep merge --results sweep.sqlite
      """)

  @Option(
    help: ArgumentHelp("SQLite file of the results.", valueName: "file"),
    completion: .file(extensions: ["sqlite"]))
  var results = "sweep.sqlite"

  @Option(
    help: ArgumentHelp("Write the table's cells to a CSV file.", valueName: "file"),
    completion: .file(extensions: ["csv"]))
  var csv: String?

  @Flag(help: "Print the report as JSON instead of a table.")
  var json = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("PSNR in dB from which an image counts as leaked.", valueName: "dB"))
  var leakedPsnr = LeakThreshold.recognisablePSNR

  func validate() throws {
    guard leakedPsnr.isFinite else {
      throw ValidationError("--leaked-psnr is \(leakedPsnr); give a number of dB.")
    }
  }

  func run() throws {
    let merged = try ShardFolder(of: results).merge()
    if merged.lost > 0 {
      Notes.warn(
        "\(merged.lost) results were cut short or spoilt on the disk and count as not there; the same shares make them again."
      )
    }
    for conflict in merged.conflicts.prefix(10) {
      Notes.warn(
        """
        A run has two results that differ, in \(conflict.paths.joined(separator: " and ")): it does not only depend on its seed, \
        or was made on two kinds of processor. The first is kept. The run: \(conflict.key)
        """
      )
    }
    Notes.remark(
      "\(merged.files) files of workers: \(merged.runs) runs, \(merged.added) of them new.")
    try SweepOutput(results: results, csv: csv, json: json, leakedPSNR: leakedPsnr)
      .show(try SweepStore(path: results), of: nil)
    if !merged.conflicts.isEmpty {
      Terminal.printError(
        "\(merged.conflicts.count) of \(merged.runs) runs have results that differ.")
      throw FinishedWithStatus(status: 1)
    }
  }
}

/// A sweep's report, as it was asked for.
struct SweepOutput {
  let results: String
  let csv: String?
  let json: Bool
  let leakedPSNR: Double

  /// - Parameter tasks: whose runs are reported, in their order; nil for all that are there.
  func show(_ store: SweepStore, of tasks: [SweepTask]?) throws {
    let own = try SweepReport.order(try store.entries(), of: tasks)
    let report = SweepReport(own, leakedPSNR: leakedPSNR)
    if let csv { try AtomicFile.write(report.csv, to: csv) }
    if json {
      Terminal.write(try ResultWriter.json(report), to: .standardOutput)
    } else {
      SweepTable(report: report).print()
      Terminal.print(
        "Results: \(results), \(own.count) of \(max(tasks?.count ?? 0, own.count)) runs.")
    }
  }
}

import ArgumentParser
import Audit
import Clients
import Federation
import Foundation
import ModelIO

/// What protections of updates cost.
struct FederationCostsCommand: ParsableCommand, QuietCommand {
  static let configuration = CommandConfiguration(
    commandName: "costs",
    abstract: "Measures what secure aggregation and encryption cost a round.",
    discussion: """
      Every worker's share goes through each protection once, in memory on this machine: bytes of a worker, seconds, \
      and how far the mean is from that of the shares. Training and network are not in it.

      EXAMPLES
        gradleak federation costs
        gradleak federation costs --model lenet --workers 10
      """)

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Numbers that a worker shares. (default: 10000)", valueName: "n"))
  var parameters: Int?

  @Option(
    help: ArgumentHelp(
      "As many as this model has; see 'gradleak models'.", valueName: "name"),
    completion: .models)
  var model: String?

  @Option(parsing: .unconditional, help: ArgumentHelp("Workers.", valueName: "n"))
  var workers = 8

  @Option(parsing: .unconditional, help: "Seed of the numbers.")
  var seed: UInt64 = 0

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  @Flag(name: [.customLong("quiet"), .customShort("q")], help: "Show no progress.")
  var isQuiet = false

  func validate() throws {
    if let parameters { try check("--parameters", parameters, 1...100_000_000) }
    try check("--workers", workers, 2...255)
    if parameters != nil, model != nil {
      throw ValidationError("--parameters and --model both say how many numbers; leave one out.")
    }
  }

  func run() throws {
    let count =
      try model.map {
        ParameterVector(try ModelCatalog.architecture(named: $0).model(ModelOptions())).count
      } ?? parameters ?? 10_000
    Interruption.listen()
    let display = LiveDisplay(isEnabled: !isQuiet)
    let costs = try ProtectionCosts.measure(values: count, workers: workers, seed: seed) { name in
      display.update { "measures \(name)" }
      return !Interruption.isRequested
    }
    display.clear()
    guard let costs else {
      Terminal.printError("Interrupted; nothing was measured to the end.")
      throw FinishedWithStatus(status: ExitStatus.interrupted)
    }
    if json {
      Terminal.write(try ResultWriter.json(costs), to: .standardOutput)
    } else {
      print(costs)
    }
  }

  private func print(_ costs: ProtectionCosts) {
    Terminal.printVerdict(
      "A round of \(costs.workers) workers with \(costs.values) numbers each: what protection costs.",
      .bold)
    Terminal.print()
    var table = TextTable(
      [
        ("protection", .left), ("sent", .right), ("received", .right), ("of plain", .right),
        ("worker s", .right), ("server s", .right), ("error", .right),
      ], dispensable: ["of plain"])
    for row in costs.rows {
      table.append([
        row.protection + (row.gone > 0 ? ", \(row.gone) of \(costs.workers) gone" : ""),
        String(row.sentBytes), String(row.receivedBytes),
        String(format: "%.1f x", Double(row.sentBytes) / Double(4 * costs.values)),
        String(format: "%.3f", row.workerSeconds), String(format: "%.3f", row.serverSeconds),
        row.relativeError > 0 ? String(format: "%.1e", row.relativeError) : "0",
      ])
    }
    Terminal.print(table)
    Terminal.print()
    Terminal.printParagraph(
      "Bytes and seconds are of one worker and round, the server's seconds of all workers; the error is that of the mean, "
        + "relative to its norm. Secure aggregation rounds to the steps that gradleak federation takes. paillier has 3072 "
        + "bits. All workers hold one key of ckks and paillier: one of them opens what all others send."
    )
  }
}

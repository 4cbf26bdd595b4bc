import ArgumentParser
import Attacks
import Audit
import Federation
import Foundation
import ModelIO
import Solvers

/// Secure aggregation with masks of few bits.
struct FederationWeakSeedCommand: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "weak-seed",
    abstract: "Breaks secure aggregation whose masks' seeds have few bits.",
    discussion: """
      The server takes one worker's masked vector for late. The others then help it to that worker's mask key, as the \
      protocol has it for those that dropped out, and the worker's own mask alone is left. Its seed is searched for by one \
      word that the server knows, the worker's number of examples; what comes out is attacked. How fast that goes says how \
      long seeds of 32 bits hold, which libraries use.

      EXAMPLES
        gradleak federation weak-seed --bits 20 --batch-size 1 --out weak
      """)

  @OptionGroup(title: "Federation") var federation: FederationOptions
  @OptionGroup(title: HelpTitle.model) var selection: ModelSelection
  @OptionGroup(title: HelpTitle.attack) var attack: AttackOptions
  @OptionGroup(title: HelpTitle.attack) var threat: AttackerOptions
  @OptionGroup(title: HelpTitle.output) var output: OutputOptions

  @Option(parsing: .unconditional, help: ArgumentHelp("Bits of the masks' seeds.", valueName: "n"))
  var bits = 20

  func validate() throws { try check("--bits", bits, 1...32) }

  func run() throws {
    var settings = federation.settings(seed: attack.seed)
    settings.protection = .secureAggregation
    settings.seedBits = bits
    settings.tapped = [0]
    try settings.check()
    let plan = FederationPlan(
      settings: settings, model: try selection.choice(), data: try federation.dataChoice())
    let scene = try naming { try plan.scene() }
    let folder = try output.folder()
    let attacker = try attack.configuration(
      attack.chosenAttack ?? .automatic, by: threat, seed: attack.seed)
    Interruption.listen()
    if bits > 26, !output.quiet {
      Terminal.printNote("2^\(bits) seeds may take hours; Ctrl-C ends the program.")
    }
    let backend = try output.backend
    var (record, tap) = try WeakSeedStudy(plan, scene, backend: backend).run()
    let tapped = TappedUpdates(plan, scene, attack: attacker, victims: [0], backend: backend)
    var written: String?
    try FederationFolder.work(in: folder) { folder, staged in
      let results = try tapped.attack([tap], in: staged, folder: folder) { _ in
        Interruption.isRequested ? .stop(.interrupted) : .proceed
      }
      record.seen = results.seen
      if !results.outcomes.isEmpty {
        try ResultWriter(folder: folder).write(results.outcomes, to: staged)
      }
      try AtomicFile.write(try ResultWriter.json(record), to: staged.path(of: "weak-seed.json"))
    } isKept: {
      written =
        $0.path(of: "weak-seed.json") + ", run.json and the pictures" + OutputFolder.note($1)
    }
    if output.json {
      Terminal.print(try ResultWriter.json(record))
    } else {
      show(record)
      if let written { Terminal.printWritten(written) }
    }
  }

  private func show(_ record: WeakSeedStudy.Record) {
    Terminal.printVerdict(
      record.isExact
        ? "The mask is gone: what worker 1 shared lies open, word for word."
        : "The seed was not found.", record.isExact ? .red : .yellow)
    Terminal.print()
    Terminal.printParagraph(
      String(
        format:
          "Seeds of %d bits: %d tried in %.2f s, %.2g a second on one core. Those of 32 bits take %.1f hours at most, "
          + "those of 256 none can try.", record.seedBits, record.tried, record.seconds,
        record.seedsPerSecond, record.hoursFor32Bits))
    for seen in record.seen {
      Terminal.printParagraph(
        "Of \(seen.examples) private \(seen.examples == 1 ? "picture" : "pictures") \(seen.full ?? 0) came back in full, "
          + "\(seen.recognisable ?? 0) can be recognised (best "
          + (seen.scores.max { $0.value < $1.value }.map { ResultWriter.decibels($0.value) } ?? "-")
          + " dB).")
    }
  }
}

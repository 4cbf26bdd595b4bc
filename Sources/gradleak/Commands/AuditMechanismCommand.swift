import ArgumentParser
import Audit
import Clients
import Foundation
import ModelIO
import TensorGraph

/// Whether a filter of updates does what is claimed of it.
struct AuditMechanismCommand: ParsableCommand, QuietCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit-mechanism",
    abstract: "Audits a client's own privacy filter from outside.",
    discussion: """
      The filter is a program that reads an update from one safetensors file and writes what it would share to \
      another; their paths are its last two arguments. It gets updates of zeros with and without one large \
      number in them. Status: 1 where the claim is refuted or doubtful, else 0, which proves nothing.

      EXAMPLES
        gradleak audit-mechanism --filter-command "python my_filter.py" --clip 1
        gradleak audit-mechanism --filter-command ./filter --model lenet
      """)

  @Option(
    help: ArgumentHelp("The filter, for the shell.", valueName: "command"))
  var filterCommand: String

  @Option(
    help: ArgumentHelp(
      "Updates with the tensors of this model's.", valueName: "name"), completion: .models)
  var model: String?

  @Option(
    help: ArgumentHelp(
      "Updates with the tensors of this safetensors file. (default: 512 and 32 numbers)",
      valueName: "file"), completion: .file(extensions: ["safetensors"]))
  var like: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The norm to which it clips, if known.", valueName: "norm"))
  var clip: Double?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("The epsilon that is claimed.", valueName: "e"))
  var claimedEpsilon: Double?

  @Option(parsing: .unconditional, help: ArgumentHelp("Its delta.", valueName: "d"))
  var delta = 1e-5

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Rounds that the claim is of.", valueName: "n"))
  var rounds = 1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Share of records in a round that the claim counts on.", valueName: "q"))
  var sampleRate = 1.0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Calls with or without the canary, after probing.", valueName: "n"))
  var runs = 100

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The filter takes so many examples' gradients at once, stacked along a first axis, and gives one update.",
      valueName: "n"))
  var stacked: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seconds that one call may take.", valueName: "s", visibility: .rare))
  var callLimit = 60.0

  @Option(parsing: .unconditional, help: ArgumentHelp("Seed of the coins.", valueName: "n"))
  var seed: UInt64 = 0

  @Flag(help: "Print JSON instead of text.")
  var json = false

  @Flag(name: [.customLong("quiet"), .customShort("q")], help: "Show no progress.")
  var isQuiet = false

  func validate() throws {
    guard !filterCommand.trimmingCharacters(in: .whitespaces).isEmpty else {
      throw ValidationError("--filter-command is empty; give the command that runs the filter.")
    }
    try check("--clip", clip)
    try check("--claimed-epsilon", claimedEpsilon)
    try check("--delta", delta, atMost: 1 - 1e-12)
    try check("--sample-rate", sampleRate, atMost: 1)
    try check("--call-limit", callLimit, atMost: 86_400)
    try check("--rounds", rounds, 1...10_000_000)
    try check("--runs", runs, 2...1_000_000)
    if let stacked { try check("--stacked", stacked, 2...100_000) }
    guard model == nil || like == nil else {
      throw ValidationError("--model and --like both say which tensors; leave one out.")
    }
  }

  func run() throws {
    let shapes = try shapes()
    var plan = MechanismAudit.Plan()
    (plan.clip, plan.claimedEpsilon, plan.delta) = (clip, claimedEpsilon, delta)
    (plan.rounds, plan.samplingRate) = (rounds, sampleRate)
    (plan.runs, plan.stacked, plan.seed) = (runs, stacked, seed)
    let filter = try FilterCommand(filterCommand, timeLimit: callLimit)
    Interruption.listen()
    let progress = LiveDisplay(isEnabled: !isQuiet)
    let started = Date()
    let record = try MechanismAudit(filter, shapes: shapes, plan: plan).run(
      observe: { run, count in
        progress.update {
          var text = ProgressText()
          text.add("[\(run + 1)/\(count)]", importance: 9)
          text.addBar(Double(run) / Double(count), importance: 1)
          if run > 0 {
            let left = Date().timeIntervalSince(started) / Double(run) * Double(count - run)
            text.add("about \(Int(left.rounded(.up))) s left", importance: 5)
          }
          return text.line
        }
      }, shouldStop: { Interruption.isRequested })
    progress.clear()
    if json {
      Terminal.write(try ResultWriter.json(record), to: .standardOutput)
    } else {
      MechanismText(record).print()
    }
    if record.verdict == .refuted || record.verdict == .doubtful {
      throw FinishedWithStatus(status: ExitStatus.found)
    }
    if record.wasStopped { throw FinishedWithStatus(status: ExitStatus.interrupted) }
  }

  /// The tensors of an update.
  private func shapes() throws -> [String: Shape] {
    if let model {
      let built = try ModelCatalog.architecture(named: model).model(ModelOptions())
      return Dictionary(built.parameters.map { ($0.name, $0.shape) }) { first, _ in first }
    }
    guard let like else { return ["layer.weight": [16, 32], "layer.bias": [32]] }
    let tensors = try SafetensorsFile(contentsOf: like).tensors().mapValues(\.shape)
      .filter { $0.value.elementCount > 0 }
    guard !tensors.isEmpty else {
      throw ValidationError("--like: \(like.quotedForMessage) holds no tensor with numbers.")
    }
    return tensors
  }
}

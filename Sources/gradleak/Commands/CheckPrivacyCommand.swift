import ArgumentParser
import Audit
import Defences
import ModelIO

/// What a setting of differential privacy really guarantees, beside what is claimed of it.
struct CheckPrivacyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-dp",
    abstract: "Checks a claimed epsilon, and what it protects from.",
    discussion: """
      A record is one example, or all of a client's where whole updates are clipped. Status: 0 where the claim \
      holds or none is made, 1 where it fails, 3 where what can be proved is weaker.

      EXAMPLES
        gradleak check-dp --clip 1 --noise-multiplier 1.1 --sample-rate 0.01
        gradleak check-dp --clip 1 --noise 0.5 --claimed-epsilon 10
      """)

  @OptionGroup(title: "What is done and claimed") var privacy: PrivacyOptions

  @Option(
    help: ArgumentHelp(
      "Clip and noise of an experiment, such as that of a record.", valueName: "file",
      visibility: .rare), completion: .json)
  var experiment: String?

  @Option(
    help: ArgumentHelp(
      "Clip and noise of a defence, such as flower-local-dp:1,1e-4,10,1e-5.", valueName: "spec"),
    completion: .defences)
  var defence: String?

  @Option(
    help: ArgumentHelp(
      "How many candidates an attacker picks from.", valueName: "counts", visibility: .rare))
  var candidates = "2,10,100,1000"

  @Flag(help: "Print JSON instead of text.")
  var json = false

  func run() throws {
    guard experiment == nil || defence == nil else {
      throw ValidationError("--experiment and --defence both say what is done; leave one out.")
    }
    let known =
      try experiment.map { try PrivacySetting(Experiment.read(contentsOf: $0)) }
      ?? defence.map(setting)
    let counts = try wholeNumbers(candidates, of: "--candidates", 2...1_000_000_000)
    guard counts.count <= 100 else {
      throw ValidationError("--candidates has \(counts.count) numbers; give at most 100.")
    }
    let record = PrivacyClaimRecord(try privacy.setting(over: known), candidates: counts)
    if json {
      Terminal.write(try ResultWriter.json(record), to: .standardOutput)
    } else {
      PrivacyClaimText(record).print()
    }
    try finish(record)
  }

  private func setting(_ defence: String) throws -> PrivacySetting {
    do throws(DefenceError) {
      return PrivacySetting(
        try DefenceChain(defence), batchSize: privacy.batchSize ?? 1, hasLocalSteps: false)
    } catch {
      throw ValidationError("--defence: \(error.message).")
    }
  }

  private func finish(_ record: PrivacyClaimRecord) throws {
    switch record.verdict {
    case .holds, .noClaim: break
    case .fails: throw FinishedWithStatus(status: ExitStatus.found)
    case .notShown: throw FinishedWithStatus(status: ExitStatus.undetermined)
    }
  }
}

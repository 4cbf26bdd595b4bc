import ArgumentParser
import Audit
import Defences

/// Lists the defences.
struct DefencesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "defences", abstract: "Lists what a client can do to its update.",
    discussion: """
      Defences are chained with "+": prune:0.3+fp16. Noise is given by its variance.

      EXAMPLES
        gradleak defences
        gradleak defences --json
        gradleak demo --defence gaussian:1e-2
      """)

  @Flag(help: "Print JSON instead of text.")
  var json = false

  private struct Entry: Encodable {
    /// On the command line.
    let name: String
    /// How it is written, with its strength.
    let usage: String
    /// What it does, in a sentence.
    let summary: String
    /// Where it is from.
    let source: String
    /// What an attacker who knows of it does; missing for nothing.
    let counterAttack: String
    /// What it says about differential privacy; missing where it says nothing.
    let privacy: String?
  }

  func run() throws {
    let entries = DefenceCatalog.all.map {
      Entry(
        name: $0.name, usage: $0.usage, summary: $0.summary, source: $0.source,
        counterAttack: $0.answer.summary, privacy: $0.privacy?.description)
    }
    if json {
      Terminal.write(try ResultWriter.json(entries), to: .standardOutput)
      return
    }
    Terminal.printEntries(
      entries.map { entry in
        let privacy = entry.privacy.map { " Privacy: \($0)." } ?? ""
        return (
          entry.usage,
          "\(entry.summary) (\(entry.source)). Attack: \(entry.counterAttack).\(privacy)"
        )
      },
      style: .bold)
  }
}

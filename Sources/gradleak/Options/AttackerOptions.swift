import ArgumentParser
import Attacks
import Clients
import Foundation

/// Who attacks, on the command line.
enum AttackerName: String, CaseIterable, ExpressibleByArgument {
  case server
  case neighbour

  static let allValueDescriptions = HelpLevel.described([
    "server": "an honest-but-curious server",
    "neighbour": "a neighbour in an all-reduce",
  ])

  var attacker: ThreatModel.Attacker {
    switch self {
    case .server: .honestButCuriousServer
    case .neighbour: .neighbour
    }
  }
}

/// Who attacks, and what they do not know.
struct AttackerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Who sees the update; recorded with the results. For a server that plants weights see 'gradleak "
        + "malicious'.", valueName: "who", visibility: .rare))
  var attacker: AttackerName = .server

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "What the attacker does not know, separated by commas; may be repeated. Attacks that need it are "
        + "refused, and auto leaves them out. Of: "
        + "\(ThreatModel.Fact.allCases.map(\.name).joined(separator: ", ")).",
      valueName: "facts", visibility: .rare),
    completion: .list(ThreatModel.Fact.allCases.map(\.name)))
  var unknown: [String] = []

  func validate() throws { _ = try unknownFacts() }

  /// Says in a configuration who attacks.
  func add(to configuration: inout AttackConfiguration) throws {
    configuration.attacker = attacker == .server ? nil : attacker.attacker
    configuration.unknown = try unknownFacts()
  }

  /// Each once, in the order of ``ThreatModel/Fact/allCases``; nil for none.
  ///
  /// - Throws: ``ValidationError`` with the nearest right spelling.
  func unknownFacts() throws -> [ThreatModel.Fact]? {
    let names = ThreatModel.Fact.allCases.map(\.name)
    let given = unknown.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
      .map { $0.trimmingCharacters(in: .whitespaces) }
    for name in given where !names.contains(name) {
      let hint = nearestSpelling(to: name, in: names).map { "did you mean \($0)? " } ?? ""
      throw ValidationError(
        "--unknown has \(name.quotedForMessage); \(hint)The facts are "
          + names.joined(separator: ", ") + ".")
    }
    return given.isEmpty ? nil : ThreatModel.Fact.allCases.filter { given.contains($0.name) }
  }
}

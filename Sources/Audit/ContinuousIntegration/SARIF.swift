import Attacks
import Foundation

/// A verdict as SARIF 2.1.0 (OASIS), which code scanning shows beside a repository's files.
///
/// There is a result for what came back in full, for what can be recognised, for labels that are read better than by
/// chance, and for what is not shown; none when nothing of it holds. What a limit allows is a note.
public struct SARIF: Encodable, Sendable {
  /// The schema that the document names.
  public static let schema =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

  let schema = SARIF.schema
  let version = "2.1.0"
  let runs: [Run]

  private enum CodingKeys: String, CodingKey {
    case version, runs
    case schema = "$schema"
  }

  struct Message: Encodable { let text: String }
  struct Run: Encodable {
    let tool: Tool
    let results: [Finding]
    let columnKind = "unicodeCodePoints"
    let properties: Properties
  }
  struct Properties: Encodable {
    let grade: LeakageGrade
    let evidence: EvidenceClass
    let verdict: [String]
  }
  struct Tool: Encodable { let driver: Driver }
  struct Driver: Encodable {
    let name = "gradleak"
    let semanticVersion = GradleakVersion.current
    let rules = Rule.allCases.map(RuleDescription.init)
  }
  struct RuleDescription: Encodable {
    struct Configuration: Encodable { let level: Level }
    let id: Rule
    let shortDescription: Message
    let fullDescription: Message
    let help: Message
    let defaultConfiguration: Configuration

    init(_ rule: Rule) {
      id = rule
      shortDescription = Message(text: rule.title)
      fullDescription = Message(text: rule.explanation)
      help = Message(text: rule.remedy)
      defaultConfiguration = Configuration(level: rule.level)
    }
  }
  struct Finding: Encodable {
    let ruleId: Rule
    let ruleIndex: Int
    let level: Level
    let message: Message
    let locations: [Location]
    let partialFingerprints: [String: String]
  }
  struct Location: Encodable {
    struct Physical: Encodable {
      struct Artifact: Encodable { let uri: String }
      struct Region: Encodable { let startLine = 1 }
      let artifactLocation: Artifact
      let region = Region()
    }
    struct Logical: Encodable {
      let name: String
      let kind = "module"
    }
    let physicalLocation: Physical?
    let logicalLocations: [Logical]
  }
  enum Level: String, Encodable { case error, warning, note }

  /// What can be found.
  enum Rule: String, Encodable, CaseIterable {
    case inFull = "data-in-full"
    case recognisable = "data-recognisable"
    case labels
    case notShown = "not-shown"

    var level: Level {
      switch self {
      case .inFull, .recognisable: .error
      case .labels, .notShown: .warning
      }
    }

    var title: String {
      switch self {
      case .inFull: "Private data come back in full from shared updates"
      case .recognisable: "Private data can be recognised in what shared updates give back"
      case .labels: "Labels can be read off shared updates"
      case .notShown: "Whether private data come back is not shown"
      }
    }

    var explanation: String {
      switch self {
      case .inFull:
        "An attack on the updates that clients share brought private examples back: images and signals from 40 dB on and rows cell for "
          + "cell, with their labels, and texts word for word."
      case .recognisable:
        "An attack on the updates that clients share brought back private examples that can be told from others."
      case .labels:
        "An attack on the updates that clients share found the private labels better than by guessing."
      case .notShown:
        "No leak was found, but attacks were cut short, originals are not known, or the update is not the model's: "
          + "that is no sign of safety."
      }
    }

    var remedy: String {
      switch self {
      case .inFull, .recognisable:
        "Let more examples share an update, or defend it: an audit that tries defences looks for the "
          + "strength that is enough, 'gradleak price' for what it costs."
      case .labels:
        "Labels are hidden by secure aggregation over many clients, or by differential privacy."
      case .notShown:
        "Give a larger budget, examples of your own as private data, or the right update."
      }
    }
  }

  /// - Parameters:
  ///   - limit: what may leak; nil for nothing.
  ///   - file: the model's or update's, relative to the repository; nil for a built-in model.
  public init(_ verdict: LeakageVerdict, limit: LeakLimit? = nil, file: String? = nil) {
    let model = verdict.records.first?.model
    let isAllowed = limit.map { $0.failure(of: verdict)?.kind != .exceeded } ?? false
    let location = Location(
      physicalLocation: file.map { Location.Physical(artifactLocation: .init(uri: SARIF.uri($0))) },
      logicalLocations: [Location.Logical(name: model?.name ?? "model")])
    let results = SARIF.findings(in: verdict).map { rule, message in
      let level = isAllowed && rule.level == .error ? Level.note : rule.level
      return Finding(
        ruleId: rule, ruleIndex: Rule.allCases.firstIndex(of: rule) ?? 0, level: level,
        message: Message(text: message), locations: [location],
        partialFingerprints: ["model/v1": model?.fingerprint ?? ""])
    }
    runs = [
      Run(
        tool: Tool(driver: Driver()), results: results,
        properties: Properties(
          grade: verdict.grade, evidence: verdict.evidence, verdict: verdict.sentences))
    ]
  }

  /// The document.
  public func text() throws -> String { try ResultWriter.json(self) }

  private static func findings(in verdict: LeakageVerdict) -> [(Rule, String)] {
    let count = verdict.examples.count
    let noun = "private " + (count == 1 ? verdict.kind.singular : verdict.kind.plural)
    let basis = "Evidence: \(verdict.evidence.rawValue)."
    var findings: [(Rule, String)] = []
    if verdict.full.leaked > 0 {
      findings.append(
        (.inFull, "\(verdict.full.leaked) of \(count) \(noun) came back in full. \(basis)"))
    } else if verdict.recognisable.leaked > 0 {
      findings.append(
        (
          .recognisable,
          "\(verdict.recognisable.leaked) of \(count) \(noun) can be recognised. \(basis)"
        )
      )
    }
    let labels = verdict.labels
    if labels.count > 0, verdict.areLabelsTold {
      findings.append(
        (
          .labels,
          "\(labels.successes) of \(labels.count) labels were found"
            + (verdict.labelGuess.map { "; \($0)." } ?? ".")
        ))
    }
    let open = verdict.recognisable.undetermined
    if open > 0 || count == 0 {
      findings.append((.notShown, "For \(open) of \(count) \(noun) nothing is shown either way."))
    }
    return findings
  }

  /// A path as a relative URI (RFC 3986): of an absolute one the name alone, since code scanning takes none else.
  static func uri(_ path: String) -> String {
    let relative =
      path.hasPrefix("/") ? path.split(separator: "/").last.map(String.init) ?? "" : path
    return relative.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
  }

  private static let unreserved = CharacterSet.alphanumerics.union(
    CharacterSet(charactersIn: "-._~/"))
}

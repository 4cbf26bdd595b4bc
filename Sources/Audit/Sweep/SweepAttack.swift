import Attacks
import Clients
import ModelIO
import Texts

/// An attack of a sweep, written `auto`; `dlg/naive` for one that ignores the defence;
/// `auto/unknown:labels+weights` for an attacker who lacks these facts; `modern` for a preset of the
/// optimisation attacks.
package struct SweepAttack: Sendable, Hashable, Codable {
  /// The attack's name, or that of a plan's file.
  package var kind: AttackName
  /// The preset's name, for ``AttackName/plan``; nil for other attacks.
  package var preset: String?
  /// Whether it knows of the client's defence and answers it; see ``CounterAttack``.
  package var isAdaptive: Bool
  /// What is withheld from the attacker, each fact once, in the order of all facts; nil for nothing.
  package var unknown: [ThreatModel.Fact]?

  package init(kind: AttackName, isAdaptive: Bool = true, unknown: [ThreatModel.Fact]? = nil) {
    self.kind = kind
    self.isAdaptive = isAdaptive
    self.unknown = unknown
  }

  /// The attack of a run.
  package init(_ record: RunRecord) {
    kind = record.configuration.attack
    preset = record.configuration.plan?.name
    isAdaptive = record.experiment?.isAdaptive ?? record.defence?.isAdaptive ?? true
    unknown = record.configuration.unknown
  }

  private static let naive = "naive"
  private static let withheld = "unknown:"

  /// Reads the short form.
  ///
  /// - Throws: ``SweepError`` with the nearest spelling.
  package init(_ text: String) throws(SweepError) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    if let kind = TextAttackKind(rawValue: parts[0]), !AttackCatalog.names.contains(parts[0]) {
      self.init(kind: AttackName(rawValue: kind.rawValue))
    } else if let attack = try? AttackCatalog.attack(named: parts[0]) {
      let statement = AttackConfiguration.statement(of: attack)
      self.init(kind: statement.attack)
      preset = statement.plan?.name
    } else {
      let names =
        AttackCatalog.names
        + AttackCatalog.texts.map(\.name.rawValue).filter {
          !AttackCatalog.names.contains($0)
        }
      throw SweepError(
        "there is no attack called \(text.quotedForMessage); \(Self.hint(parts[0], names))the attacks are "
          + names.joined(separator: ", ") + ", each also with /naive or /unknown:FACT behind it")
    }
    for part in parts.dropFirst() {
      if part == Self.naive, isAdaptive {
        isAdaptive = false
      } else if part.hasPrefix(Self.withheld), unknown == nil {
        unknown = try Self.facts(String(part.dropFirst(Self.withheld.count)))
      } else {
        throw SweepError(
          "the attack \(text.quotedForMessage) has /\(part.escapingControlCharacters) behind it; "
            + "there can be /naive and /unknown:FACT, each once")
      }
    }
  }

  /// How the attack is usually run on such data in a sweep: from one start, and on pictures for 300 iterations
  /// where it has no plan of its own.
  ///
  /// - Throws: ``AttackError`` when it is none on texts.
  func usualConfiguration(for data: DataKindName) throws -> AttackConfiguration {
    guard data != .texts else {
      return AttackConfiguration(try TextAttackKind(named: preset ?? kind.rawValue))
    }
    let plan = AttackPresets.all.first { $0.plan.name == preset }?.plan
    var configuration = AttackConfiguration(kind, defaultsOf: plan)
    configuration.trials = plan?.trials ?? 1
    configuration.iterations = plan?.iterations ?? 300
    return configuration
  }

  /// Facts with plus signs between them.
  private static func facts(_ text: String) throws(SweepError) -> [ThreatModel.Fact] {
    let names = ThreatModel.Fact.allCases.map(\.name)
    let given = text.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
    for name in given where !names.contains(name) {
      throw SweepError(
        "there is no fact called \(name.quotedForMessage) that an attacker may lack; "
          + "\(hint(name, names))the facts are " + names.joined(separator: ", "))
    }
    return ThreatModel.Fact.allCases.filter { given.contains($0.name) }
  }

  private static func hint(_ name: String, _ names: [String]) -> String {
    nearestSpelling(to: name, in: names).map { "did you mean \($0)? " } ?? ""
  }
}

extension SweepAttack: CustomStringConvertible {
  package var description: String {
    (preset ?? kind.rawValue) + (isAdaptive ? "" : "/" + Self.naive)
      + (unknown.map { "/" + Self.withheld + $0.map(\.name).joined(separator: "+") } ?? "")
  }
}

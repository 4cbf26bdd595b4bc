import Attacks
import Foundation
import ModelIO

/// A report on runs, made from their records alone: a page for a browser or on paper, JSON, CSV or Markdown.
///
/// The same records, pictures, title and date give the same report to the byte; a PDF, where the same fonts are
/// installed.
public struct Report: Sendable {
  let input: ReportInput
  /// What the records say.
  public let verdict: LeakageVerdict
  /// What defences did, from records and from tables of sweeps.
  let sweeps: [SweepReport]
  /// What an audit adds to what the records say, such as what was left out for want of time.
  private let remarks: [String]
  private let defencesLeftOut: String?
  /// What the report is called; nil for a title that names the models.
  let title: String?
  /// The day it bears; nil for none.
  let date: ReportDate?
  /// The commands that repeat the runs whose experiments are known.
  public let commands: [ReproductionCommand]

  /// - Parameters:
  ///   - remarks: sentences for the list of what was not tested.
  ///   - defencesLeftOut: why no defence was tried, likewise; nil where nothing is known of it.
  ///   - title: what the report is called; nil for a title that names the models.
  ///   - date: the day it bears; nil for that of the newest file of records, if any.
  ///   - makeCommands: makes the commands that repeat experiments.
  public init(
    _ input: ReportInput, remarks: [String] = [], defencesLeftOut: String? = nil,
    title: String? = nil, date: ReportDate? = nil,
    makeCommands: ReproductionCommand.Maker = { _ in [] }
  ) {
    self.input = input
    commands = input.runs.flatMap { makeCommands($0.records.compactMap(\.experiment)) }
    self.title = title
    self.date = date ?? input.newest.map(ReportDate.init)
    self.remarks = remarks
    self.defencesLeftOut = defencesLeftOut
    verdict = LeakageVerdict(input.records, input.privacy)
    let own = SweepReport(records: input.records)
    sweeps = (own.map { [$0] } ?? []) + input.sweeps
  }

  /// What a defence reached, in sentences: where leakage stops, or that it does not.
  public var defenceStatements: [String] {
    sweeps.flatMap { sweep in
      sweep.series.filter { $0.axis == .strength }.map { series in
        "\(series.defence) against \(series.attack): \(series.statement)."
      }
    }
  }

  /// What these runs cannot tell.
  public var untested: [String] {
    let records = input.records
    var result = remarks + [defencesLeftOut].compactMap(\.self)
    guard !records.isEmpty else { return result }
    let used = Set(records.map(\.configuration.attackName))
    let kind = verdict.kind
    if !used.contains(AttackName.automatic.rawValue) {
      let known =
        kind.name == .texts ? AttackCatalog.texts.map(\.name.rawValue) : AttackCatalog.names
      let missing = known.filter { !used.contains($0) }
      result.append("Attacks that were not run: \(missing.joined(separator: ", ")).")
    }
    if records.allSatisfy({ $0.experiment?.drawsWeights == true }) {
      result.append(
        "Trained weights: these models are untrained, and leakage changes in the course of training."
      )
    }
    if records.allSatisfy({ $0.update.batchSize == 1 }) {
      result.append("Batches of more than one \(kind.singular).")
    }
    if records.allSatisfy({ $0.update.localSteps <= 1 }) {
      result.append("Updates after several local steps, several rounds.")
    }
    if records.allSatisfy({ $0.threatModel.attacker != .maliciousServer }) {
      result.append("Servers that choose the weights they send.")
    }
    if kind.name == .pictures {
      result.append("Attackers who know what such images look like (learned image priors).")
    } else if records.allSatisfy({ $0.experiment?.prior == nil }) {
      result.append("Attackers who know what such \(kind.plural) are like (learned priors).")
    }
    if kind.name == .rows, input.privacy.memberships.isEmpty {
      result.append("Whether a record is in a batch; \"gradleak infer membership\" asks it.")
    }
    if kind.name == .rows, input.privacy.properties.isEmpty {
      result.append("Properties of batches; \"gradleak infer property\" asks for them.")
    }
    if sweeps.isEmpty, defencesLeftOut == nil {
      result.append("Defences: none was tried.")
    }
    return result
  }
}

extension SweepReport {
  /// Of defended records, with the undefended ones for comparison; nil where nothing was defended.
  init?(records: [RunRecord]) {
    guard records.contains(where: { !($0.defence?.chain ?? .none).isEmpty }) else { return nil }
    self.init(records.map { ($0, nil) })
  }
}

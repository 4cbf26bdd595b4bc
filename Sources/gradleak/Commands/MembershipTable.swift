import Audit
import Clients
import Foundation

/// How well members are told from others, for people.
struct MembershipTable {
  private let record: MembershipRecord

  init(_ record: MembershipRecord) {
    self.record = record
  }

  func print() {
    Terminal.printVerdict(sentence, record.isTold ? .red : .yellow)
    Terminal.print()
    Terminal.print(record.measures.isEmpty ? candidates : measures)
    Terminal.print()
    if !record.identifications.isEmpty {
      Terminal.print(identifications)
      Terminal.print()
    }
    for note in notes { Terminal.printParagraph(note) }
  }

  private var kind: DataKindDescriptor { DataKinds.descriptor(DataKindName(rawValue: record.kind)) }
  private var nouns: String { kind.plural }

  private var sentence: String {
    guard let best = record.best else {
      let proved = record.candidates.count { $0.isProved == true }
      guard proved == 0 else {
        return "\(proved) of \(record.candidates.count) \(nouns) are proved to be in the batch."
      }
      let count = record.candidates.count { $0.chance.value < MembershipRecord.telling }
      return
        "\(count) of \(record.candidates.count) \(nouns) look like members: of those that are not in the batch "
        + "1 in 1000 would score so high."
    }
    if let proofs = record.proofs, proofs.members > 0 {
      return
        "\(proofs.members) of \(proofs.memberCount) members are proved to be in their batches, and \(proofs.others) of "
        + "\(proofs.otherCount) other \(nouns)."
    }
    guard record.isTold else { return "Members are not told from others by these scores." }
    let rate = best.rates.first
    return
      "\(rate?.found ?? 0) of \(rate?.members ?? 0) members are told from other \(nouns) at 1 % of false alarms, by "
      + "the \(best.score)."
  }

  private func percent(_ share: Double) -> String {
    share.isFinite ? String(format: "%.3g %%", share * 100) : "–"
  }

  private var measures: TextTable {
    var table = TextTable([
      ("score", .left), ("AUC", .right), ("95 %", .right), ("found at 1 %", .right),
      ("95 %", .right),
      ("at 0.1 %", .right), ("95 %", .right),
    ])
    for measure in record.measures {
      var cells = [
        measure.score, String(format: "%.3f", measure.area.value),
        measure.interval.map { String(format: "%.3f", $0) }.joined(separator: "-"),
      ]
      for rate in measure.rates {
        cells += [
          percent(Double(rate.found) / Double(rate.members)),
          rate.interval.map { String(format: "%.0f", $0 * 100) }.joined(separator: "-"),
        ]
      }
      table.append(cells)
    }
    table.append(["guessing", "0.500", "", "1 %", "", "0.1 %", ""])
    return table
  }

  /// The right one of several, beside guessing and what noise allows at most.
  private var identifications: TextTable {
    var table = TextTable([
      ("candidates", .right), ("right one picked", .right), ("95 %", .right), ("guessing", .right),
      ("nobody more than", .right),
    ])
    for row in record.identifications {
      table.append([
        "\(row.candidates)", "\(row.right) of \(row.tries)",
        row.interval.map { String(format: "%.0f", $0 * 100) }.joined(separator: "-") + " %",
        percent(row.guess), row.bound.map(percent) ?? "",
      ])
    }
    return table
  }

  private var candidates: TextTable {
    var table = TextTable([
      ("record", .left), ("deviations above", .right), ("chance for a non-member", .right),
      ("proved", .left),
    ])
    for candidate in record.candidates {
      table.append([
        candidate.name, String(format: "%.2f", candidate.deviations.value),
        String(format: "%.1e", candidate.chance.value),
        candidate.isProved.map { $0 ? "yes" : "no" } ?? "–",
      ])
    }
    return table
  }

  private var notes: [String] {
    var notes = [
      "\(record.updates) \(record.updates == 1 ? "update" : "updates") of \(record.batchSize) "
        + "\(record.batchSize == 1 ? kind.singular : kind.plural) each on "
        + "\(record.model)"
        + (record.defence.map { ", defence \($0)" } ?? "")
        + "; \(record.calibration) known non-members each, from which thresholds are."
    ]
    if record.proofs != nil || record.candidates.contains(where: { $0.isProved != nil }) {
      notes.append(
        "Proved: what hidden layers read of the record lies in the span of their gradient, and the gradient without it has one rank "
          + "less. Other records fulfil these equations by chance alone. That nothing is proved does not show that a record is not there."
      )
    }
    if !record.identifications.isEmpty {
      notes.append(
        "The right one of so many candidates is picked by somebody who knows the rest of the batch: the one whose gradient "
          + "leaves least of the update. No attack picks it more often than the last column says, under DP-SGD's noise."
      )
    }
    for rate in record.best?.rates ?? [] {
      notes.append(
        "At \(percent(rate.falsePositiveRate)): \(rate.falsePositives) of \(rate.others) other \(nouns) were taken for "
          + "members"
          + (rate.isObserved
            ? "." : "; the threshold is that of a normal distribution, for want of non-members."))
    }
    return notes
  }
}

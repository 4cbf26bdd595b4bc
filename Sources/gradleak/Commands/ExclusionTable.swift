import Audit
import Foundation

/// Which texts words exclude from batches, for people.
struct ExclusionTable {
  private let record: MembershipRecord
  private let exclusions: MembershipRecord.Exclusions

  /// - Returns: nil for a record of other data.
  init?(_ record: MembershipRecord) {
    guard let exclusions = record.exclusions else { return nil }
    (self.record, self.exclusions) = (record, exclusions)
  }

  func print() {
    let texts = record.texts ?? []
    let isAnyExcluded = exclusions.others > 0 || texts.contains { !$0.missing.isEmpty }
    Terminal.printVerdict(
      exclusions.sentence(texts).capitalizedAtStart, isAnyExcluded ? .red : .yellow)
    Terminal.print()
    Terminal.print(texts.isEmpty ? counts : candidates)
    Terminal.print()
    for note in notes { Terminal.printParagraph(note) }
  }

  private var counts: TextTable {
    var table = TextTable([
      ("", .left), ("excluded", .right), ("of", .right), ("95 %", .right),
    ])
    table.append([
      "texts that are not in the batch", "\(exclusions.others)", "\(exclusions.otherCount)",
      exclusions.interval.map { String(format: "%.0f", $0 * 100) }.joined(separator: "-") + " %",
    ])
    table.append(["members", "\(exclusions.members)", "\(exclusions.memberCount)", ""])
    return table
  }

  private var candidates: TextTable {
    var table = TextTable([
      ("text", .left), ("can be in it", .left), ("words that it has not", .left),
    ])
    for text in record.texts ?? [] {
      table.append([
        text.text.clipped(to: 40), text.missing.isEmpty ? "yes" : "no",
        text.missing.joined(separator: " ").clipped(to: 30),
      ])
    }
    return table
  }

  private var notes: [String] {
    var notes = [
      "\(record.updates) \(record.updates == 1 ? "update" : "updates") of \(record.batchSize) "
        + "\(record.batchSize == 1 ? "text" : "texts") each on \(record.model)"
        + (record.defence.map { ", defence \($0)" } ?? "")
        + (exclusions.told < record.updates
          ? "; the zeros of \(exclusions.told) tell words, of the others none are counted." : "."),
      "Excluded: the word embedding has no gradient at all for a word of the text, as it has for every word that the batch has. That a "
        + "text is left does not show that it is in the batch.",
    ]
    let left = exclusions.otherCount - exclusions.others
    if exclusions.memberCount > 0 {
      let remaining = left + exclusions.memberCount - exclusions.members
      notes.append(
        "Of the texts that are left \(exclusions.memberCount - exclusions.members) of \(remaining) are members; of all, and so for guessing, "
          + "\(exclusions.memberCount) of \(exclusions.memberCount + exclusions.otherCount).")
    } else {
      notes.append(
        exclusions.otherCount > 0
          ? "Chance: of \(exclusions.otherCount) known others \(left) are left."
          : "How many others are left by chance is told by some that are known not to be in it (--known)."
      )
    }
    return notes
  }
}

extension String {
  /// With a capital letter at the beginning.
  fileprivate var capitalizedAtStart: String { prefix(1).uppercased() + dropFirst() }
}

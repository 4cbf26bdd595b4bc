import Attacks
import Audit
import Foundation

/// What attacks on rows gave, for people.
struct RowResult {
  /// Rows that are printed of all updates together; the records have all.
  private static let rowLimit = 24

  private let records: [RunRecord]

  init(_ records: [RunRecord]) {
    self.records = records
  }

  func print() {
    var room = RowResult.rowLimit
    for record in records where room > 0 {
      // What casts doubt on the rows comes before them.
      if let diagnosis = record.diagnosis, diagnosis.verdict != .recovered, record.isCertain != true
      {
        Terminal.printParagraph(
          diagnosis.explanation,
          head: Terminal.styled(diagnosis.verdict.rawValue, .bold) + ": ")
      }
      for row in record.examples.prefix(room) { print(row) }
      room -= record.examples.count
      if let occurring = record.table?.occurring, !record.isCertainOrExact {
        Terminal.printParagraph(
          occurring.map(RowResult.text).joined(separator: "; "), head: "occurring  ",
          indentation: 11)
      }
      Terminal.printParagraph(note(record), head: "           ", indentation: 11)
      Terminal.print()
    }
    if room < 0 {
      Terminal.printParagraph("\(-room) more rows are in the records (--out or --json).")
      Terminal.print()
    }
  }

  private func print(_ row: ExampleResult) {
    let isExact = row.level == .full
    if let original = row.original, !isExact {
      Terminal.printParagraph(
        original.escapingControlCharacters, head: "private    ", indentation: 11)
    }
    let cells = row.cells ?? []
    let words = cells.map { cell in
      let text =
        "\(cell.column) \(cell.recovered.isEmpty ? "–" : cell.recovered)".escapingControlCharacters
      return cell.isRight == true && !isExact ? Terminal.styled(text, .red) : text
    }.joined(separator: ", ")
    let right = cells.count { $0.isRight == true }
    let mark =
      !row.hasTruth
      ? "" : isExact ? Terminal.styled("exact", .red) : "\(right) of \(cells.count) cells right"
    Terminal.printParagraph(
      (words.isEmpty ? "(nothing)" : words) + (mark.isEmpty ? "" : "  [\(mark)]"),
      head: "recovered  ", indentation: 11)
  }

  private static func text(_ column: TableDetails.OccurringWords) -> String {
    let words = column.words.prefix(wordLimit).map { $0.isEmpty ? "–" : $0 }
    let rest = column.words.count - words.count
    return "\(column.column) \(words.joined(separator: ", "))".escapingControlCharacters
      + (rest > 0 ? " and \(rest) more" : "")
  }

  /// Words of a column that are printed.
  private static let wordLimit = 8

  private func note(_ record: RunRecord) -> String {
    var notes = ["by \(record.method ?? record.configuration.attackName)"]
    if let distance = record.relativeDistance {
      notes.append(
        record.isCertain == true
          ? "certain: the rows' own gradient is the shared one"
          : String(format: "gradient differs by %.1e of its squared norm", distance.value))
    }
    return notes.joined(separator: "; ")
  }

  // MARK: - Rates

  private static let measures = [
    ("cells", "cells"), ("near", "near"), ("categorical", "categorical"), ("ordinal", "ordinal"),
    ("integer", "integer"), ("continuous", "continuous"),
  ]

  /// What the rates rest on, then the rates beside those of guesses.
  func printSummary() {
    var seen: Set<String> = []
    for record in records where seen.insert("\(record.threatModel)").inserted {
      Terminal.printParagraph("Threat model: \(record.threatModel).")
    }
    for sentence in SkippedAttack.sentences(records.first?.skipped ?? []) {
      Terminal.printParagraph(sentence)
    }
    let scored = records.flatMap(\.examples).filter(\.hasTruth)
    guard !scored.isEmpty else { return }
    Terminal.print()
    Terminal.print(table(of: scored))
    Terminal.print()
    if let clients { Terminal.print(clients) }
    Terminal.printParagraph(
      "Exact rows, the label's cell included: \(SuccessRate(scored.map { $0.level == .full })).")
    if let agreement = CellAgreement(scored) { Terminal.printParagraph(agreement.sentence) }
    if let words = OccurringWordsRate(records.compactMap(\.table?.occurring).flatMap(\.self)) {
      Terminal.printParagraph(words.sentence)
    }
    Terminal.printParagraph(
      "Certain updates: \(records.count { $0.isCertain == true }) of \(records.count).")
  }

  /// What is known of whom; nil for one client.
  private var clients: TextTable? {
    let groups = Dictionary(grouping: records.filter { $0.table?.client != nil }) {
      $0.table?.client ?? ""
    }
    guard groups.count > 1 else { return nil }
    var table = TextTable([
      ("whose", .left), ("exact rows", .right), ("certain", .right), ("cells", .right),
      ("guesses", .right),
    ])
    for (name, records) in groups.sorted(by: { $0.key < $1.key }) {
      let rows = records.flatMap(\.examples).filter(\.hasTruth)
      func mean(_ values: [Double]) -> String {
        values.isEmpty
          ? "–" : String(format: "%.3f", values.reduce(0, +) / Double(values.count))
      }
      table.append([
        name.escapingControlCharacters,
        "\(rows.count { $0.level == .full }) of \(rows.count)",
        "\(records.count { $0.isCertain == true }) of \(records.count)",
        mean(rows.map(\.score)),
        mean(rows.map { $0.baselines.map(\.score.value).max() ?? 0 }),
      ])
    }
    return table
  }

  private func table(of scored: [ExampleResult]) -> TextTable {
    let shown = RowResult.measures.filter { name, _ in
      scored.contains { $0.measures[name] != nil }
    }
    var table = TextTable(
      [("", .left), ("exact rows", .right)] + shown.map { ($0.1, .right) },
      dispensable: ["near", "ordinal"])
    func row(_ title: String, _ measures: [[String: JSONNumber]]) {
      table.append(
        [title]
          + (["exact"] + shown.map(\.0)).map { name in
            let values = measures.compactMap { $0[name]?.value }
            guard !values.isEmpty else { return "–" }
            return String(format: "%.3f", values.reduce(0, +) / Double(values.count))
          })
    }
    row(records.first?.configuration.attackName ?? "attack", scored.map(\.measures))
    for (place, guess) in (scored.first?.baselines ?? []).enumerated() {
      row(
        guess.name,
        scored.compactMap {
          $0.baselines.indices.contains(place) ? $0.baselines[place].measures : nil
        })
    }
    return table
  }
}

extension RunRecord {
  /// Whether the rows themselves say all that is in the batch.
  fileprivate var isCertainOrExact: Bool {
    isCertain == true || (!examples.isEmpty && examples.allSatisfy { $0.level == .full })
  }
}

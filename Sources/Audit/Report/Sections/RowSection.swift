import Foundation

/// Rows of a table beside what came back of them.
extension Report {
  /// Columns of a table that are shown; records have all.
  private static let columnLimit = 40
  /// Rows of one run.
  private static let rowsOfRun = 100

  /// Two lines for each row, the private one and the one that came back, whose leaked cells are marked; nil where cells are
  /// not known.
  func rowTable(_ record: RunRecord, number: Int) -> ReportTable? {
    guard let columns = record.table?.columns, record.examples.contains(where: { $0.cells != nil })
    else { return nil }
    let shown = record.examples.prefix(Report.rowsOfRun)
    let rows = shown.flatMap { example -> [[ReportText]] in
      let cells = (example.cells ?? []).prefix(Report.columnLimit)
      let level = record.level(of: example)
      let found = cells.map { cell in
        let text = cell.recovered.isEmpty ? "–" : cell.recovered
        return cell.isRight == true
          ? ReportText(text, .tone(LeakLevel.full.tone)) : ReportText(text)
      }
      let padding = Array(
        repeating: "" as ReportText, count: max(shownColumns(columns) - cells.count, 0))
      let recovered =
        [ReportText(verbatim: example.name), "recovered"] + found + padding
        + [ReportText(level.words, .tone(level.tone))]
      guard example.hasTruth else { return [recovered] }
      let originals = cells.map { ReportText(verbatim: $0.original ?? "–") }
      return [
        [ReportText(verbatim: example.name), "private"] + originals + padding + [""], recovered,
      ]
    }
    let rate = SuccessRate(record.examples.filter(\.hasTruth).map { $0.level == .full })
    let guesses = (record.examples.first?.baselines ?? []).enumerated().map { place, guess in
      let scores = record.examples.compactMap {
        $0.baselines.indices.contains(place) ? $0.baselines[place].score.value : nil
      }
      return String(
        format: "%@ %.2f", guess.name, scores.reduce(0, +) / Double(max(scores.count, 1)))
    }
    let scores = record.examples.map(\.score).filter { !$0.isNaN }
    let caption: String? =
      scores.isEmpty
      ? nil
      : "Exact rows: \(rate). Cells right: "
        + String(format: "%.2f", scores.reduce(0, +) / Double(scores.count))
        + "; guesses without the update: \(guesses.joined(separator: ", ")). Marked cells leaked."
        + [
          CellAgreement(record.examples)?.sentence,
          OccurringWordsRate(record.table?.occurring ?? [])?.sentence,
        ].compactMap(\.self).map { " \($0)" }.joined()
    return ReportTable(
      label: "\(examplesTitle) of run \(number)"
        + (record.table?.client.map { ", \($0.clipped(to: 60))" } ?? ""),
      caption: caption.map { ReportText(verbatim: $0) },
      columns: [("row", .name), ("", .plain)]
        + columns.prefix(Report.columnLimit).map { ($0.name.clipped(to: 40), .plain) }
        + [("came back", .plain)],
      rows: rows)
  }

  private func shownColumns(_ columns: [TableDetails.Column]) -> Int {
    min(columns.count, Report.columnLimit)
  }
}

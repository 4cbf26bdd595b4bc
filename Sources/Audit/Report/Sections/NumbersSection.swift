extension Report {
  /// Rows of a table at most; CSV and JSON have them all.
  static let rowLimit = 1000
  /// Longer tables are closed at first, on a screen.
  private static let openRowLimit = 40

  /// Every private example of every run, with its baselines.
  var numbers: [ReportBlock]? {
    let tables = [imageTable, exampleTable].compactMap(\.self)
    guard !tables.isEmpty else { return nil }
    return tables.map { table in
      table.rows.count > Report.openRowLimit
        ? .folded("All \(table.rows.count) results", [.table(table)]) : .table(table)
    }
  }

  private var imageTable: ReportTable? {
    let rows = rows
    guard !rows.isEmpty else { return nil }
    let shown = rows.prefix(Report.rowLimit).map { row -> [ReportText] in
      let level = row.record.level(of: row.image)
      return Report.cells(of: row).dropLast().map { ReportText($0) } + [
        ReportText(level.words, .tone(level.tone))
      ]
    }
    let omitted = rows.count - shown.count
    let more: ReportText = omitted > 0 ? " \(omitted) more rows are in the report as CSV." : ""
    return ReportTable(
      label: "Table of all numbers",
      caption:
        "PSNR in dB; what a random and a grey image get is what knowing nothing gives.\(more)",
      columns: [
        ("image", .name), ("attack", .plain), ("seed", .number), ("defence", .name),
        ("PSNR", .number), ("random", .number), ("grey", .number), ("SSIM", .number),
        ("label", .number), ("came back", .plain),
      ], rows: shown)
  }
}

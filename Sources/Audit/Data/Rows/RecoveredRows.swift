/// The rows of results as a table again.
struct RecoveredRows {
  /// Beside the records.
  static let file = "recovered.csv"

  /// Comma-separated values: the names of the columns, then the rows in the order of the records.
  let csv: String

  /// Nil where no row came back, or records are of different tables.
  init?(_ records: [RunRecord]) {
    let tables = records.compactMap(\.table)
    guard let table = tables.first, tables.count == records.count,
      tables.allSatisfy({ $0.columns == table.columns })
    else { return nil }
    let rows = records.flatMap(\.examples).compactMap { $0.cells?.map(\.recovered) }
    guard !rows.isEmpty else { return nil }
    csv = CSVTable.text(header: table.columns.map(\.name), rows: rows)
  }
}

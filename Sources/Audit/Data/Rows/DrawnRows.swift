import Solvers
import TensorGraph

extension LoadedTable {
  /// Of all cells as models read them: tells this table from another of the same name.
  package var fingerprint: String {
    Fingerprint.of(
      rows.map { row in
        let label: Double =
          switch row.last {
          case .word(let place): Double(place)
          case .number(let number): number
          case .missing, nil: .nan
          }
        return (
          "row", Tensor([encoding.width + 1], .f64(encoding.inputs(row.dropLast()) + [label]))
        )
      })
  }

  /// Clients by a column at most.
  private static let clientLimit = 1000

  /// Rows of simulated clients, drawn from a seed: those of one update after those of another, no row twice.
  ///
  /// - Parameters:
  ///   - batchSize: rows behind each update.
  ///   - updates: how many.
  ///   - isOfEach: whether every client of ``clients(by:)`` has so many; otherwise they share them, at least one each.
  ///   - column: that says whose a row is; nil for one client.
  /// - Returns: their numbers, from 1; all have a label.
  /// - Throws: ``ExperimentError`` when there are fewer, or no such column.
  package func drawnRows(
    batchSize: Int, updates: Int, isOfEach: Bool = true, by column: String?, seed: UInt64
  ) throws(ExperimentError) -> [Int] {
    let source = RandomSource(seed: seed)
    guard let column else {
      return try drawn(
        batchSize, updates, of: labelledRows, "the table", source.derive(label: "rows"))
    }
    let clients = try clients(by: column)
    guard !clients.isEmpty, clients.count <= LoadedTable.clientLimit else {
      throw ExperimentError(
        "data.table.clients",
        "names the column \(column.quotedForMessage), which has \(clients.count) values, and there are 1 to "
          + "\(LoadedTable.clientLimit) clients")
    }
    let ofEach = isOfEach ? updates : (updates + clients.count - 1) / clients.count
    var rows: [Int] = []
    for client in clients {
      rows += try drawn(
        batchSize, ofEach, of: client.rows, client.name.quotedForMessage,
        source.derive(label: "rows of " + client.name))
    }
    return rows
  }

  private func drawn(
    _ batchSize: Int, _ updates: Int, of rows: [Int], _ owner: String, _ source: RandomSource
  ) throws(ExperimentError) -> [Int] {
    let (count, isTooLarge) = batchSize.multipliedReportingOverflow(by: updates)
    guard !isTooLarge, count <= rows.count else {
      throw ExperimentError(
        "data.rows",
        "is to be drawn: \(updates) updates of \(batchSize) rows are more than the \(rows.count) rows with a label that "
          + "\(owner) has; give fewer updates, or smaller batches")
    }
    return source.permuted(rows.count).prefix(count).map { rows[$0] }
  }
}

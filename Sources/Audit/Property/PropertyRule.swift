import ModelIO

/// A property of a table's rows, such as "sex=female" or "age>60".
package struct PropertyRule: Sendable, CustomStringConvertible {
  /// As it was written.
  package let description: String
  /// The column that it is about.
  package let column: String
  private let comparison: Character
  private let value: String

  /// - Parameter text: a column, one of =, < and >, and a cell's text or a number.
  /// - Returns: nil for another text.
  package init?(_ text: String) {
    guard let place = text.firstIndex(where: { "=<>".contains($0) }) else { return nil }
    description = text
    column = String(text[..<place])
    comparison = text[place]
    value = String(text[text.index(after: place)...])
    guard !column.isEmpty, !value.isEmpty, comparison == "=" || plainNumber(value) != nil else {
      return nil
    }
  }

  /// The rows of a table that have the property and those that have not, by their numbers from 1; rows whose cell is empty are in
  /// neither.
  ///
  /// - Throws: ``FileError`` when there is no such column, or no row has the property or all have.
  package func rows(of table: CSVTable) throws(FileError) -> (having: [Int], lacking: [Int]) {
    guard let place = table.header.firstIndex(of: column) else {
      throw FileError(
        path: table.path, problem: "no column is called \(column.quotedForMessage)",
        remedy:
          "give one of \(table.header.prefix(40).joined(separator: ", ").escapingControlCharacters)"
      )
    }
    var (having, lacking) = ([Int](), [Int]())
    for (row, cells) in table.rows.enumerated() where !cells[place].isEmpty {
      guard let holds = holds(cells[place]) else {
        throw table.failure(
          row: row, column: place, "is \(cells[place].quotedForMessage), which is no number",
          "ask of such a column with =")
      }
      if holds { having.append(row + 1) } else { lacking.append(row + 1) }
    }
    guard !having.isEmpty, !lacking.isEmpty else {
      let values = Set(table.rows.map { $0[place] }).subtracting([""]).sorted().prefix(20)
      throw FileError(
        path: table.path,
        problem: having.isEmpty
          ? "no row has \(description.quotedForMessage)"
          : "every row has \(description.quotedForMessage)",
        remedy:
          "ask of what some rows have: the column holds \(values.joined(separator: ", ").escapingControlCharacters)"
      )
    }
    return (having, lacking)
  }

  private func holds(_ cell: String) -> Bool? {
    guard comparison != "=" else { return cell == value }
    guard let number = plainNumber(cell), let bound = plainNumber(value) else { return nil }
    return comparison == "<" ? number < bound : number > bound
  }
}

import ModelIO

/// A table that was read, with what its columns are.
package struct LoadedTable: Sendable {
  /// Where it is from, for messages.
  package let path: String
  /// As it was read; nil where there is none.
  package let source: CSVTable?
  package let schema: TableSchema
  /// For each row the values of the inputs' columns, then the label's; none where there is no table.
  package let rows: [[CellValue]]
  /// Of the inputs.
  package let encoding: RowEncoding

  /// The columns of ``rows``: those of the inputs, then the label's.
  package let columns: [TableSchema.Column]

  /// Reads what a choice names.
  ///
  /// - Throws: ``FileError`` with row and column when a file cannot be read or a cell is not of its column's kind;
  ///   ``ExperimentError`` when the choice names neither table nor schema, or no label.
  package init(_ choice: TableChoice) throws {
    let table = try choice.file.map { file throws(FileError) in
      file == BundledTable.name
        ? try CSVTable(bytes: BundledTable.bytes, path: file) : try CSVTable(contentsOf: file)
    }
    var schema: TableSchema
    if let path = choice.schema {
      schema = try TableSchema(contentsOf: path)
    } else if let table {
      schema = try LoadedTable.schema(of: table, choice)
    } else {
      throw ExperimentError("data.table", "has neither a file nor a schema; give one of them")
    }
    if choice.schema != nil { try schema.choose(choice) }
    try self.init(table, schema)
  }

  private static func schema(of table: CSVTable, _ choice: TableChoice) throws -> TableSchema {
    if choice.file == BundledTable.name, choice.label == nil {
      var schema = try TableSchema(yaml: BundledTable.schema, path: BundledTable.name)
      try schema.choose(choice)
      return schema
    }
    guard let label = choice.label else {
      throw ExperimentError(
        "data.table.label",
        "is missing: the column that the model learns to tell; the columns are "
          + table.header.prefix(40).joined(separator: ", ").escapingControlCharacters)
    }
    return try TableSchema(
      inferredFrom: table, label: label, ignoring: Set(choice.ignored ?? []))
  }

  /// - Parameter table: nil for none.
  package init(_ table: CSVTable?, _ schema: TableSchema) throws(FileError) {
    self.schema = schema
    source = table
    path = table?.path ?? "the schema"
    encoding = RowEncoding(schema.inputs.map(\.column))
    columns = schema.inputs.map(\.column) + [schema.labelColumn?.column].compactMap(\.self)
    guard let table else {
      rows = []
      return
    }
    let places = try columns.map { column throws(FileError) -> Int in
      guard let place = table.header.firstIndex(of: column.name) else {
        throw FileError(
          path: table.path, problem: "no column is called \(column.name.quotedForMessage)",
          remedy: "correct the name in the schema")
      }
      return place
    }
    let known = Set(schema.columns.map(\.name))
    if let other = table.header.first(where: { !known.contains($0) }) {
      throw FileError(
        path: table.path,
        problem: "the schema does not know its column \(other.quotedForMessage)",
        remedy: "add it there, such as with the kind ignored")
    }
    var rows: [[CellValue]] = []
    rows.reserveCapacity(table.rows.count)
    for (row, texts) in table.rows.enumerated() {
      var values: [CellValue] = []
      for (column, place) in zip(columns, places) {
        switch column.read(texts[place]) {
        case .success(let value): values.append(value)
        case .failure(let problem):
          throw table.failure(row: row, column: place, problem.problem, problem.remedy)
        }
      }
      rows.append(values)
    }
    self.rows = rows
  }

  /// A row by the number that people give it, from 1.
  ///
  /// - Throws: ``ExperimentError`` when there is no such row, or it has no label.
  func row(named name: String) throws(ExperimentError) -> [CellValue] {
    guard let number = Int(name), rows.indices.contains(number - 1) else {
      throw ExperimentError(
        "data.rows",
        "has \(name.quotedForMessage), and the table has \(rows.count) rows; give numbers from 1 on"
      )
    }
    guard rows[number - 1].last != .missing else {
      throw ExperimentError("data.rows", "has row \(number), whose label is missing; leave it out")
    }
    return rows[number - 1]
  }

  /// Whose rows are whose, by a column: its values in alphabetic order with the numbers, from 1, of the rows that have them and a label.
  ///
  /// - Throws: ``ExperimentError`` when there is no such column, or no table.
  package func clients(by name: String) throws(ExperimentError) -> [(name: String, rows: [Int])] {
    guard let source, let place = source.header.firstIndex(of: name) else {
      throw ExperimentError(
        "data.table.clients", "names the column \(name.quotedForMessage), which the table has not")
    }
    let groups = Dictionary(grouping: labelledRows) { source.rows[$0 - 1][place] }
    return groups.keys.sorted().filter { !$0.isEmpty }.map { ($0, groups[$0] ?? []) }
  }

  /// The numbers of the rows that have a label, from 1.
  package var labelledRows: [Int] {
    rows.indices.filter { rows[$0].last != .missing }.map { $0 + 1 }
  }
}

extension TableSchema {
  /// Takes another label, and fewer inputs.
  ///
  /// - Throws: ``ExperimentError`` for a name that no column has.
  fileprivate mutating func choose(_ choice: TableChoice) throws {
    for name in [choice.label].compactMap(\.self) + (choice.ignored ?? [])
    where !columns.contains(where: { $0.name == name }) {
      throw ExperimentError(
        "data.table", "names the column \(name.quotedForMessage), which the schema does not know")
    }
    label = choice.label ?? label
    for index in columns.indices where choice.ignored?.contains(columns[index].name) == true {
      columns[index].kind = .ignored
    }
    try check(path: choice.schema ?? "")
  }
}

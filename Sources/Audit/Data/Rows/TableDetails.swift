/// What attacks on rows tell besides the rows.
public struct TableDetails: Codable, Sendable, Equatable {
  /// A column of the table.
  public struct Column: Codable, Sendable, Equatable {
    /// As the table calls it.
    public var name: String
    /// What its cells are: continuous, integer, ordinal or categorical.
    public var kind: String
  }

  /// The columns that came back: the model's inputs, then the label.
  public var columns: [Column]
  /// Numbers that the model gets of each row.
  public var inputs: Int
  /// Rows of the whole table, which guesses without the update are made from; nil where there is none.
  public var rows: Int?

  init(_ table: LoadedTable) {
    columns = table.columns.map { Column(name: $0.name, kind: $0.kind.name) }
    inputs = table.encoding.width
    rows = table.rows.isEmpty ? nil : table.rows.count
  }
}

/// One cell of a row that came back.
public struct ExampleCell: Codable, Sendable, Equatable {
  /// The column's name.
  public var column: String
  /// What stands there; nil where it is not known.
  public var original: String?
  /// What came back.
  public var recovered: String
  /// Whether both are the same; nil likewise.
  public var isRight: Bool?
}

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
  /// Whose rows they are, where a column says it and all are one client's; nil otherwise.
  public var client: String?
  /// The words that occur in the batch by column, read off the gradient's zeros; nil where these do not tell.
  public var occurring: [OccurringWords]?
  /// Rows of the whole table, which guesses without the update are made from; nil where there is none.
  public var rows: Int?

  /// The words of one column that occur in a batch, in none of its rows in particular.
  public struct OccurringWords: Codable, Sendable, Equatable {
    /// The column's name.
    public var column: String
    /// Those that the gradient says occur; an empty one for an empty cell.
    public var words: [String]
    /// Those that do; nil where it is not known.
    public var originals: [String]?
    /// How many words the column can hold.
    public var known: Int
  }

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
  /// The share of a search's starts that came to the same cell; nil where there were no several. It takes no truth.
  public var agreement: Double?
}

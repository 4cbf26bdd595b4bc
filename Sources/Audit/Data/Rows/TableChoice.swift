import Clients

/// The table that rows are of.
public struct TableChoice: Codable, Hashable, Sendable {
  /// A file of comma-separated values with the columns' names in its first row, or the name of the bundled table; nil where
  /// only the schema is known, beside a client's update.
  public var file: String?
  /// A file that says what the columns are; nil for what the table suggests.
  public var schema: String?
  /// The column that the model learns to tell; nil for the schema's.
  public var label: String?
  /// Columns that are no inputs; nil for none but the schema's.
  public var ignored: [String]?
  /// The column whose value says whose a row is, such as a hospital: each update is of rows of one client; nil for one client.
  public var clients: String?

  /// Of the properties of these names.
  public init(
    file: String? = nil, schema: String? = nil, label: String? = nil, ignored: [String]? = nil,
    clients: String? = nil
  ) {
    (self.file, self.schema, self.label, self.ignored) = (file, schema, label, ignored)
    self.clients = clients
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case file, schema, label, ignored, clients
  }

  /// Reads it from a file.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    file = try container.value(.file)
    schema = try container.value(.schema)
    label = try container.value(.label)
    ignored = try container.value(.ignored)
    clients = try container.value(.clients)
  }
}

extension DataKindName {
  /// What models of tables are trained on.
  public static let rows: DataKindName = "rows"
}

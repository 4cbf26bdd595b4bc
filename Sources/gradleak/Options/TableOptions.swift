import ArgumentParser
import Audit
import ModelIO

/// What a table's columns are, on the command line.
struct TableOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The column that the model learns to tell.", valueName: "column"))
  var label: String?

  @Option(
    help: ArgumentHelp(
      "What the columns are, in YAML.", valueName: "file"),
    completion: .yaml)
  var schema: String?

  @Option(
    help: ArgumentHelp(
      "Columns that are no inputs, such as id,date.", valueName: "columns"))
  var ignore: [String] = []

  /// The table of a file.
  func choice(of file: String?) -> TableChoice {
    let ignored = ignore.flatMap { $0.split(separator: ",").map(String.init) }
    return TableChoice(
      file: file, schema: schema, label: label, ignored: ignored.isEmpty ? nil : ignored)
  }
}

/// A table beside other kinds of data, on the command line.
struct TableFileOptions: ParsableArguments {
  @Option(
    name: .customLong("table"),
    help: ArgumentHelp(
      "A table in CSV (its --label COLUMN) or \(BundledTable.name).", valueName: "file"))
  var file: String?

  @OptionGroup(visibility: .rare) var columns: TableOptions

  /// The table that is meant; nil for other data.
  var choice: TableChoice? {
    file == nil && columns.schema == nil ? nil : columns.choice(of: file)
  }

  /// Its files.
  var paths: [String] { [file, columns.schema].compactMap(\.self) }

  func validate() throws {
    if columns.schema == nil { try checkFile() }
  }

  /// - Throws: ``ValidationError`` where columns are described and there is no table.
  func checkFile() throws {
    guard file == nil, columns.label != nil || !columns.ignore.isEmpty || columns.schema != nil
    else { return }
    throw ValidationError(
      "--label, --schema and --ignore are of a table; give its file with --table.")
  }
}

/// Which rows clients hold, on the command line.
struct RowOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Rows of the table, such as 3,7-12; drawn by default.", valueName: "rows"))
  var rows: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Updates of rows, where none are given.", valueName: "n"))
  var batches: Int?

  @Option(
    help: ArgumentHelp(
      "A column that says whose a row is.", valueName: "column"))
  var by: String?

  var isGiven: Bool { rows != nil || batches != nil || by != nil }

  func validate() throws {
    if let batches { try check("--batches", batches, 1...100_000) }
    _ = try given()
  }

  /// The numbers of the rows that are named; nil for none.
  ///
  /// - Throws: ``ValidationError`` for a text that is no list of numbers.
  func given() throws -> [Int]? { try rows.map { try rowNumbers($0, of: "--rows") } }
}

/// Numbers of rows, such as 3,7-12.
///
/// - Throws: ``ValidationError`` for another text, or a row that is named twice.
func rowNumbers(_ text: String, of option: String) throws -> [Int] {
  let limit = 1_000_000
  let numbers = try text.split(separator: ",", omittingEmptySubsequences: false).flatMap { part in
    let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2,
      1 <= first, first <= last, last <= limit
    else {
      throw ValidationError(
        "\(option) has \(String(part).quotedForMessage); give numbers from 1 and ranges, such as 3,7-12."
      )
    }
    return Array(first...last)
  }
  guard Set(numbers).count == numbers.count else {
    throw ValidationError("\(option) has a row twice; name each once.")
  }
  return numbers
}

import ModelIO

/// A table of texts as a file of comma-separated values holds it (RFC 4180): a row of names, then rows of as many cells.
package struct CSVTable: Sendable, Equatable {
  /// Where it is from, for messages.
  package let path: String
  /// The names of the columns, all different.
  package let header: [String]
  /// The cells of each row, one for each column; empty where nothing stands there.
  package let rows: [[String]]

  package init(path: String, header: [String], rows: [[String]]) {
    (self.path, self.header, self.rows) = (path, header, rows)
  }

  /// The largest file that is read, in bytes.
  private static let fileLimit = 256 << 20

  /// Reads a file.
  ///
  /// - Throws: ``FileError`` with row and column when it cannot be read, is no CSV or is too large.
  package init(contentsOf path: String) throws(FileError) {
    let bytes = try InputFile.bytes(
      at: path, expected: "a table of comma-separated values", limit: CSVTable.fileLimit)
    try WantedFile.text.refuseOthers(bytes, path: path)
    try self.init(bytes: bytes, path: path)
  }

  /// Reads the bytes of a file; `path` only names it in messages.
  package init(bytes: [UInt8], path: String) throws(FileError) {
    var reader = CSVReader(bytes: bytes, path: path)
    self = try reader.table()
  }

  /// A message about one cell.
  ///
  /// - Parameters:
  ///   - row: from 0, below the names.
  ///   - column: from 0.
  package func failure(row: Int, column: Int, _ problem: String, _ remedy: String) -> FileError {
    FileError(
      path: path,
      problem: "row \(row + 1), column \(header[column].quotedForMessage): \(problem)",
      remedy: remedy)
  }

  /// A table as a file of comma-separated values, with names in the first line.
  package static func text(header: [String], rows: [[String]]) -> String {
    ([header] + rows).map { $0.map(csvField).joined(separator: ",") + "\n" }.joined()
  }
}

/// Reads comma-separated values that nobody has checked.
///
/// Cells stand between commas, or where the row of names has none, between semicolons or tabs. Lines end in LF, CR or both; a mark of byte order at the beginning is passed over. Quotes stand around a whole cell or
/// not at all.
private struct CSVReader {
  private static let columnLimit = 10_000
  private static let rowLimit = 1_000_000
  private static let cellLimit = 20_000_000
  private static let lengthLimit = 65_536

  private static let quote = UInt8(ascii: "\"")
  /// Between cells where the row of names has no comma.
  private static let otherSeparators = [UInt8(ascii: ";"), UInt8(ascii: "\t")]
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  private let bytes: [UInt8]
  private let path: String
  private var place: Int
  private var separator = UInt8(ascii: ",")
  /// Rows read so far; the names are row 0.
  private var row = 0

  init(bytes: [UInt8], path: String) {
    (self.bytes, self.path) = (bytes, path)
    place = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  mutating func table() throws(FileError) -> CSVTable {
    guard place < bytes.count else {
      throw FileError(
        path: path, problem: "the file is empty",
        remedy: "give a table with the names of its columns in the first row")
    }
    let start = place
    var header = try record()
    if header.count == 1,
      let other = CSVReader.otherSeparators.first(where: header[0].utf8.contains)
    {
      (place, separator) = (start, other)
      header = try record()
    }
    try check(header)
    var rows: [[String]] = []
    while place < bytes.count {
      row += 1
      // A blank line is no row where rows have several cells.
      if header.count > 1, skipsBlankLine() {
        guard isAtBlankRest else { throw ragged(1, header.count) }
        break
      }
      let cells = try record()
      guard cells.count == header.count else { throw ragged(cells.count, header.count) }
      rows.append(cells)
      guard rows.count <= CSVReader.rowLimit, rows.count * header.count <= CSVReader.cellLimit
      else {
        throw FileError(
          path: path,
          problem:
            "the table has more than \(CSVReader.rowLimit) rows or \(CSVReader.cellLimit) cells",
          remedy: "give fewer rows or columns")
      }
    }
    guard !rows.isEmpty else {
      throw FileError(
        path: path, problem: "the table has names of columns and no row",
        remedy: "give the names in the first row and a record in each row below")
    }
    return CSVTable(path: path, header: header, rows: rows)
  }

  private func check(_ header: [String]) throws(FileError) {
    var seen: Set<String> = []
    for (column, name) in header.enumerated() {
      guard !name.isEmpty else {
        throw FileError(
          path: path, problem: "column \(column + 1) has no name",
          remedy:
            "name every column in the first row (an unnamed index: leave it out when the table is written)"
        )
      }
      guard seen.insert(name).inserted else {
        throw FileError(
          path: path, problem: "two columns are called \(name.quotedForMessage)",
          remedy: "give each its own name in the first row")
      }
    }
  }

  private func ragged(_ count: Int, _ wanted: Int) -> FileError {
    FileError(
      path: path,
      problem:
        "row \(row) has \(count == 1 ? "1 cell" : "\(count) cells"), and there are names of \(wanted) columns",
      remedy: "give every row as many cells as the first one, and quote cells with commas")
  }

  private mutating func skipsBlankLine() -> Bool {
    guard bytes[place] == CSVReader.lineFeed || bytes[place] == CSVReader.carriageReturn else {
      return false
    }
    endLine()
    return true
  }

  /// Whether nothing but blank lines is left.
  private var isAtBlankRest: Bool {
    bytes[place...].allSatisfy { $0 == CSVReader.lineFeed || $0 == CSVReader.carriageReturn }
  }

  /// The cells of the row that begins here.
  private mutating func record() throws(FileError) -> [String] {
    var cells: [String] = []
    while true {
      cells.append(try cell(column: cells.count))
      guard cells.count <= CSVReader.columnLimit else {
        throw FileError(
          path: path,
          problem: (row == 0 ? "the row of names" : "row \(row)")
            + " has more than the \(CSVReader.columnLimit) cells allowed",
          remedy: "give a table of fewer columns")
      }
      guard place < bytes.count, bytes[place] == separator else { break }
      place += 1
    }
    if place < bytes.count { endLine() }
    return cells
  }

  private mutating func endLine() {
    let isReturn = bytes[place] == CSVReader.carriageReturn
    place += 1
    if isReturn, place < bytes.count, bytes[place] == CSVReader.lineFeed { place += 1 }
  }

  private mutating func cell(column: Int) throws(FileError) -> String {
    var content: [UInt8] = []
    if place < bytes.count, bytes[place] == CSVReader.quote {
      place += 1
      try quoted(&content, column)
    } else {
      while place < bytes.count, !isEnd(bytes[place]) {
        guard bytes[place] != CSVReader.quote else {
          throw failure(
            column, "has a quotation mark in the middle",
            "quote the whole cell, and write \"\" for a mark within")
        }
        try add(bytes[place], to: &content, column)
        place += 1
      }
    }
    guard let text = String(validating: content, as: UTF8.self) else {
      throw failure(column, "is no text in UTF-8", "save the table as UTF-8")
    }
    return text
  }

  /// What stands between quotation marks, the first of which is passed already.
  private mutating func quoted(_ content: inout [UInt8], _ column: Int) throws(FileError) {
    while true {
      guard place < bytes.count else {
        throw failure(column, "has a quotation mark that is never closed", "close it")
      }
      let byte = bytes[place]
      place += 1
      if byte != CSVReader.quote {
        try add(byte, to: &content, column)
      } else if place < bytes.count, bytes[place] == CSVReader.quote {
        content.append(byte)
        place += 1
      } else {
        guard place == bytes.count || isEnd(bytes[place]) else {
          throw failure(
            column, "goes on behind its closing quotation mark",
            "quote the whole cell, and write \"\" for a mark within")
        }
        return
      }
    }
  }

  private func isEnd(_ byte: UInt8) -> Bool {
    byte == separator || byte == CSVReader.lineFeed || byte == CSVReader.carriageReturn
  }

  private func add(_ byte: UInt8, to content: inout [UInt8], _ column: Int) throws(FileError) {
    guard byte != 0 else { throw failure(column, "holds a zero byte", "give a file of plain text") }
    guard content.count < CSVReader.lengthLimit else {
      throw failure(
        column, "is longer than \(CSVReader.lengthLimit) bytes",
        "shorten it, or close a quotation mark before it")
    }
    content.append(byte)
  }

  private func failure(_ column: Int, _ problem: String, _ remedy: String) -> FileError {
    FileError(
      path: path,
      problem: row == 0
        ? "the name of column \(column + 1) \(problem)"
        : "row \(row), column \(column + 1) \(problem)", remedy: remedy)
  }
}

import Foundation
import ModelIO

extension TableSchema {
  /// Whole numbers of so few different values are words for classes where they are the label.
  private static let classLimit = 20
  /// A column of more different words is not taken for a category.
  private static let wordLimit = 100

  /// The schema that a table's cells suggest: whole numbers, numbers, or words where a column has no numbers; two
  /// different whole numbers are words too. Numbers are standardised. A column of more than a hundred words, most of
  /// them different, is ignored.
  ///
  /// - Parameters:
  ///   - label: the name of the column that the model tells.
  ///   - ignored: names of columns that are no inputs.
  /// - Throws: ``FileError`` with row and column where numbers and other texts are mixed, or a name is not there.
  package init(
    inferredFrom table: CSVTable, label: String, ignoring ignored: Set<String> = []
  ) throws(FileError) {
    for name in [label] + ignored.sorted() where !table.header.contains(name) {
      throw FileError(
        path: table.path, problem: "no column is called \(name.quotedForMessage)",
        remedy:
          "give one of \(table.header.prefix(40).joined(separator: ", ").escapingControlCharacters)"
      )
    }
    var columns: [Column] = []
    for (place, name) in table.header.enumerated() {
      guard !ignored.contains(name) else {
        columns.append(Column(name: name, kind: .ignored))
        continue
      }
      columns.append(try TableSchema.column(place, of: table, isLabel: name == label))
    }
    self.init(columns: columns, label: label)
    try check(path: table.path)
  }

  private static func column(
    _ place: Int, of table: CSVTable, isLabel: Bool
  ) throws(FileError) -> Column {
    let name = table.header[place]
    let texts = table.rows.map { $0[place] }
    let filled = texts.filter { !$0.isEmpty }
    let mayBeMissing = filled.count < texts.count
    guard !filled.isEmpty else { return Column(name: name, kind: .ignored) }
    if let row = texts.firstIndex(where: isDate) {
      throw table.failure(
        row: row, column: place, "is the date \(texts[row].quotedForMessage)",
        "write dates as numbers, such as days since a first one, or ignore the column")
    }
    let numbers = filled.compactMap(plainNumber)
    if let row = stranger(among: texts, numbers: numbers.count, of: filled.count) {
      throw table.failure(
        row: row, column: place,
        "is \(texts[row].quotedForMessage), and other cells of the column are numbers",
        "leave it empty where it is missing, or say in a schema what the column is")
    }
    let isOfWords = numbers.count < filled.count
    let isWhole =
      !isOfWords && filled.allSatisfy { Int($0) != nil } && numbers.allSatisfy { abs($0) < 9e15 }
    let different = Set(filled)
    if isOfWords || (isWhole && different.count <= (isLabel ? classLimit : 2)) {
      if isOfWords, different.count > wordLimit, 2 * different.count > filled.count {
        return Column(name: name, kind: .ignored)
      }
      let values =
        isOfWords
        ? different.sorted() : different.sorted { (Int($0) ?? 0) < (Int($1) ?? 0) }
      return Column(name: name, kind: .categorical(values), mayBeMissing: mayBeMissing)
    }
    let bounds = (numbers.min() ?? 0)...(numbers.max() ?? 0)
    let kind: Kind =
      isWhole
      ? .integer(Int(bounds.lowerBound)...Int(bounds.upperBound))
      : .continuous(bounds, decimals: decimals(of: filled))
    return Column(
      name: name, kind: kind, mayBeMissing: mayBeMissing, scaling: standard(of: numbers))
  }

  /// The first cell that is no number in a column of numbers: most cells are, or the others are such as NaN.
  private static func stranger(among texts: [String], numbers: Int, of count: Int) -> Int? {
    guard numbers > 0, numbers < count else { return nil }
    let notNumbers: Set = ["nan", "inf", "+inf", "-inf", "infinity", "-infinity", "na", "n/a"]
    return texts.firstIndex { text in
      guard !text.isEmpty, plainNumber(text) == nil else { return false }
      return 2 * numbers > count || notNumbers.contains(text.lowercased())
    }
  }

  /// The most decimals that a cell has; nil where one has an exponent.
  private static func decimals(of texts: [String]) -> Int? {
    var most = 0
    for text in texts {
      guard !text.contains("e"), !text.contains("E") else { return nil }
      let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { most = max(most, parts[1].count) }
    }
    return most <= 9 ? most : nil
  }

  private static func standard(of numbers: [Double]) -> Scaling {
    let mean = numbers.reduce(0, +) / Double(numbers.count)
    let variance =
      numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(numbers.count)
    // Six digits are enough for a scale, and a schema can be read.
    return .standard(
      mean: shortened(mean), deviation: variance > 0 ? shortened(variance.squareRoot()) : 1)
  }

  private static func shortened(_ value: Double) -> Double {
    Double(String(format: "%.6g", value)) ?? value
  }

  /// - Throws: ``FileError`` when there is no label or no input.
  func check(path: String) throws(FileError) {
    guard let label = labelColumn?.column, label.kind != .ignored else {
      throw FileError(
        path: path, problem: "the label \(self.label.quotedForMessage) is no column with values",
        remedy: "name a column with the answers that the model learns")
    }
    guard !inputs.isEmpty else {
      throw FileError(
        path: path, problem: "no column is left for the model's inputs",
        remedy: "give columns beside the label that are not ignored")
    }
  }
}

import Foundation
import ModelIO

extension TableSchema {
  private static let fileLimit = 16 << 20

  /// Reads a schema from a YAML file, in the form that ``yaml`` has.
  ///
  /// - Throws: ``FileError`` when it cannot be read or is no schema.
  package init(contentsOf path: String) throws(FileError) {
    let bytes = try InputFile.bytes(
      at: path, expected: "a schema in YAML", limit: TableSchema.fileLimit)
    try WantedFile.text.refuseOthers(bytes, path: path)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw FileError(
        path: path, problem: "the schema is not UTF-8 text", remedy: "save it as UTF-8")
    }
    try self.init(yaml: text, path: path)
  }

  /// Reads a schema from YAML text; `path` only names it in messages.
  package init(yaml text: String, path: String) throws(FileError) {
    func failure(_ problem: String) -> FileError {
      FileError(
        path: path, problem: problem,
        remedy: "a schema has a label and columns; see docs/guides/tables.md for its form"
      )
    }
    let content: PlanValue?
    do {
      content = try PlanText.content(of: text)
    } catch {
      throw failure(error.message)
    }
    guard case .keys(let top)? = content else {
      throw failure("this is no list of keys and values")
    }
    if let other = top.keys.sorted().first(where: { !["label", "columns"].contains($0) }) {
      throw failure("\(other.quotedForMessage) is no key of a schema")
    }
    guard case .word(let label)? = top["label"] else { throw failure("label is missing") }
    guard case .list(let items)? = top["columns"], !items.isEmpty else {
      throw failure("columns is no list")
    }
    var columns: [Column] = []
    for item in items {
      guard case .keys(let keys) = item else {
        throw failure("column \(columns.count + 1) has no keys and values")
      }
      do {
        columns.append(try ColumnKeys(keys: keys).column())
      } catch {
        let name = ColumnKeys(keys: keys).text("name")?.quotedForMessage
        throw failure("column \(name ?? String(columns.count + 1)): \(error.problem)")
      }
    }
    if let twice = Dictionary(grouping: columns, by: \.name).first(where: { $1.count > 1 })?.key {
      throw failure("two columns are called \(twice.quotedForMessage)")
    }
    self.init(columns: columns, label: label.text)
    try check(path: path)
  }

  /// The schema as YAML that ``init(yaml:path:)`` reads again.
  package var yaml: String {
    var lines = ["label: \(quoted(label))", "columns:"]
    for column in columns {
      lines.append("  - name: \(quoted(column.name))")
      lines.append("    kind: \(column.kind.name)")
      switch column.kind {
      case .continuous(let bounds, let decimals):
        lines.append("    bounds: [\(bounds.lowerBound), \(bounds.upperBound)]")
        if let decimals { lines.append("    decimals: \(decimals)") }
      case .integer(let bounds):
        lines.append("    bounds: [\(bounds.lowerBound), \(bounds.upperBound)]")
      case .ordinal(let values), .categorical(let values):
        lines.append("    values: [\(values.map(quoted).joined(separator: ", "))]")
      case .ignored: break
      }
      if column.mayBeMissing { lines.append("    missing: allowed") }
      switch column.scaling {
      case .none: break
      case .standard(let mean, let deviation):
        lines.append("    scale: {by: standard, mean: \(mean), deviation: \(deviation)}")
      case .minimumMaximum: lines.append("    scale: {by: min-max}")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A text between quotation marks as YAML reads it.
  private func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      default:
        if scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) || scalar.value == 0xFEFF
          || (0x2028...0x2029).contains(scalar.value)
        {
          result += String(format: "\\u%04X", scalar.value)
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }
}

/// The keys of one column of a schema.
private struct ColumnKeys {
  let keys: [String: PlanValue]

  private static let names = [
    "name", "kind", "bounds", "decimals", "values", "missing", "scale",
  ]

  func text(_ key: String) -> String? {
    if case .word(let word)? = keys[key] { word.text } else { nil }
  }

  func column() throws(CellProblem) -> TableSchema.Column {
    if let other = keys.keys.sorted().first(where: { !ColumnKeys.names.contains($0) }) {
      throw CellProblem("\(other.quotedForMessage) is no key of a column", "")
    }
    guard let name = text("name"), !name.isEmpty else { throw CellProblem("name is missing", "") }
    let kind = try kind()
    if let missing = text("missing"), missing != "allowed" {
      throw CellProblem(
        "missing is \(missing.quotedForMessage); write allowed, or leave it out", "")
    }
    let scaling = try scaling()
    if kind.bounds == nil, scaling != .none {
      throw CellProblem("scale is for numbers, and the column is \(kind.name)", "")
    }
    return TableSchema.Column(
      name: name, kind: kind, mayBeMissing: keys["missing"] != nil, scaling: scaling)
  }

  private func kind() throws(CellProblem) -> TableSchema.Kind {
    let word = text("kind") ?? ""
    switch word {
    case "continuous":
      let bounds = try bounds()
      guard let text = text("decimals") else {
        return .continuous(bounds[0]...bounds[1], decimals: nil)
      }
      guard let decimals = Int(text), (0...9).contains(decimals) else {
        throw CellProblem("decimals is no number from 0 to 9", "")
      }
      return .continuous(bounds[0]...bounds[1], decimals: decimals)
    case "integer":
      let bounds = try bounds()
      guard bounds.allSatisfy({ abs($0) < 9e15 && $0 == $0.rounded() }) else {
        throw CellProblem("bounds of an integer are whole numbers", "")
      }
      return .integer(Int(bounds[0])...Int(bounds[1]))
    case "ordinal": return .ordinal(try values())
    case "categorical": return .categorical(try values())
    case "ignored": return .ignored
    default:
      throw CellProblem(
        "kind is \(word.quotedForMessage); it is one of "
          + TableSchema.Kind.names.joined(separator: ", "), "")
    }
  }

  private func bounds() throws(CellProblem) -> [Double] {
    guard case .list(let items)? = keys["bounds"] else {
      throw CellProblem("bounds is missing: the least and the largest number", "")
    }
    let numbers = items.compactMap { item -> Double? in
      if case .word(let word) = item { plainNumber(word.text) } else { nil }
    }
    guard numbers.count == 2, items.count == 2, numbers[0] <= numbers[1] else {
      throw CellProblem("bounds are no two numbers, the smaller first", "")
    }
    return numbers
  }

  private func values() throws(CellProblem) -> [String] {
    guard case .list(let items)? = keys["values"] else {
      throw CellProblem("values is missing: the words that a cell can be", "")
    }
    let words = items.compactMap { item -> String? in
      if case .word(let word) = item, !word.text.isEmpty { word.text } else { nil }
    }
    guard words.count == items.count, !words.isEmpty, Set(words).count == words.count else {
      throw CellProblem("values are no different words", "")
    }
    return words
  }

  private func scaling() throws(CellProblem) -> TableSchema.Scaling {
    guard let value = keys["scale"] else { return .none }
    guard case .keys(let keys) = value else {
      throw CellProblem("scale has no keys, such as {by: min-max}", "")
    }
    let inner = ColumnKeys(keys: keys)
    switch inner.text("by") {
    case "none": return .none
    case "min-max": return .minimumMaximum
    case "standard":
      guard let mean = inner.text("mean").flatMap(plainNumber),
        let deviation = inner.text("deviation").flatMap(plainNumber), deviation > 0
      else { throw CellProblem("scale by standard needs a mean and a deviation above 0", "") }
      return .standard(mean: mean, deviation: deviation)
    default:
      throw CellProblem(
        "scale is by \((inner.text("by") ?? "nothing").quotedForMessage); it is by one of "
          + TableSchema.Scaling.names.joined(separator: ", "), "")
    }
  }
}

/// A table of plain text with aligned columns.
struct TextTable {
  enum Alignment {
    case left
    case right
  }

  private let columns: [(title: String, alignment: Alignment)]
  private var rows: [[String]] = []

  init(_ columns: [(title: String, alignment: Alignment)]) {
    self.columns = columns
  }

  mutating func append(_ row: [String]) {
    precondition(row.count == columns.count, "\(row.count) cells in \(columns.count) columns")
    rows.append(row)
  }

  /// The lines, title first.
  var lines: [String] {
    let widths = columns.indices.map { column in
      ([columns[column].title] + rows.map { $0[column] }).map(\.count).max() ?? 0
    }
    func line(_ cells: [String]) -> String {
      let padded = cells.indices.map { column -> String in
        let padding = String(repeating: " ", count: widths[column] - cells[column].count)
        return switch columns[column].alignment {
        case .left: cells[column] + padding
        case .right: padding + cells[column]
        }
      }
      let joined = padded.joined(separator: "  ")
      return String(joined.reversed().drop { $0 == " " }.reversed())
    }
    let title = line(columns.map(\.title))
    return [title, String(repeating: "-", count: title.count)] + rows.map(line)
  }
}

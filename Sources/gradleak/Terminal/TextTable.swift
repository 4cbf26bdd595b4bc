/// A table of plain text with aligned columns.
struct TextTable {
  enum Alignment {
    case left
    case right
  }

  private let columns: [(title: String, alignment: Alignment)]
  private let dispensable: [String]
  private var rows: [[String]] = []

  /// - Parameter dispensable: titles of the columns that a narrow terminal goes without, the least important first.
  init(_ columns: [(title: String, alignment: Alignment)], dispensable: [String] = []) {
    self.columns = columns
    self.dispensable = dispensable
  }

  mutating func append(_ row: [String]) {
    precondition(row.count == columns.count, "\(row.count) cells in \(columns.count) columns")
    rows.append(row)
  }

  /// The lines, title first. Columns that hold nothing are left out, and of a table that is too wide those that
  /// can be done without; if that is not enough, each row becomes lines of "title: cell".
  ///
  /// - Parameter width: of the terminal; nil for lines of any length.
  func lines(width: Int? = nil) -> [String] {
    let used = columns.indices.filter { column in
      rows.isEmpty || rows.contains { !["", "-"].contains($0[column]) }
    }
    guard let width else { return aligned(used) }
    var kept = used
    for title in dispensable where self.width(of: kept) > width {
      kept.removeAll { columns[$0].title == title }
    }
    return self.width(of: kept) <= width ? aligned(kept) : stacked(used, width: width)
  }

  private func widths(_ shown: [Int]) -> [Int] {
    shown.map { column in
      ([columns[column].title] + rows.map { $0[column] }).map(\.count).max() ?? 0
    }
  }

  private func width(of shown: [Int]) -> Int {
    let widths = widths(shown)
    // Nothing follows the last cell that is aligned to the left, but a title may be as long as any.
    return widths.reduce(0, +) + 2 * max(widths.count - 1, 0)
  }

  private func aligned(_ shown: [Int]) -> [String] {
    let widths = widths(shown)
    func line(_ cells: [String]) -> String {
      let padded = zip(shown, widths).map { column, width -> String in
        let padding = String(repeating: " ", count: width - cells[column].count)
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

  private func stacked(_ shown: [Int], width: Int) -> [String] {
    rows.enumerated().flatMap { index, row -> [String] in
      let lines = shown.filter { !row[$0].isEmpty }.flatMap { column -> [String] in
        let title = columns[column].title
        return Terminal.wrapped(
          row[column], head: title.isEmpty ? "" : title + ": ", indentation: 2, width: width)
      }
      return (index == 0 ? [] : [""]) + lines.flatMap { $0.chunks(of: width) }
    }
  }
}

extension String {
  /// The string in parts of `size` characters; the last one has the rest.
  fileprivate func chunks(of size: Int) -> [String] {
    var rest = self[...]
    var chunks: [String] = []
    repeat {
      chunks.append(String(rest.prefix(size)))
      rest = rest.dropFirst(size)
    } while !rest.isEmpty
    return chunks
  }
}

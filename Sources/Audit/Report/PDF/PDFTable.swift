import ModelIO

extension PDFTypesetter {
  private static let gap = 9.0
  /// Rows that the columns' widths are measured by.
  private static let measuredRows = 200
  /// No word asks for more room than this.
  private static let widestWord = 90.0

  /// A table in rows of lines; its heads begin every page that it is on.
  mutating func table(_ table: ReportTable) -> [PDFBox] {
    let widths = widths(table)
    var places: [Double] = []
    var x = PDFTheme.left
    for width in widths {
      places.append(x)
      x += width + PDFTypesetter.gap
    }
    let kinds = table.columns.map(\.kind)
    var head = row(
      table.columns.map { ReportText($0.title) }, .tableHead, kinds, widths, places, isHead: true)
    for index in head.indices { head[index].keepsWithNext = true }
    var boxes: [PDFBox] = []
    if let caption = table.caption {
      boxes += paragraph(caption, .note, before: 6).map { box in
        var box = box
        box.keepsWithNext = true
        return box
      }
    }
    boxes += head
    for cells in table.rows {
      boxes += row(cells, .table, kinds, widths, places, isHead: false).map { box in
        var box = box
        box.head = head
        return box
      }
    }
    return boxes
  }

  private mutating func row(
    _ cells: [ReportText], _ style: PDFStyle, _ kinds: [ReportTable.Column], _ widths: [Double],
    _ places: [Double], isHead: Bool
  ) -> [PDFBox] {
    var columns: [[PDFLine]] = []
    for (cell, width) in zip(cells, widths) { columns.append(set(cell, style, width: width)) }
    let count = columns.map(\.count).max() ?? 0
    let end = PDFTheme.left + PDFTheme.contentWidth
    return (0..<count).map { index in
      let isLast = index == count - 1
      let above = index == 0 ? 2.5 : 0
      let height = style.leading + above + (isLast ? 2.5 : 0)
      return PDFBox(
        height: height, before: isHead && index == 0 ? 4 : 0,
        keepsWithNext: PDFTypesetter.holds(index, of: count)
      ) { page, y in
        for (place, lines) in columns.enumerated() {
          // Heads stand on the line.
          let offset = isHead ? count - lines.count : 0
          guard index >= offset, index - offset < lines.count else { continue }
          let line = lines[index - offset]
          let shift = kinds[place] == .number ? widths[place] - line.width : 0
          line.draw(on: &page, x: places[place] + shift, y: y + above + style.size)
        }
        if isLast {
          page.line(
            [(PDFTheme.left, y + height), (end, y + height)], width: isHead ? 0.75 : 0.4,
            isHead ? PDFTheme.soft : PDFTheme.rule)
        }
      }
    }
  }

  /// The columns' widths: what they hold in one line, if there is room; else what is above the longest word is
  /// shared out.
  private mutating func widths(_ table: ReportTable) -> [Double] {
    var least = [Double](repeating: 8, count: table.columns.count)
    var wanted = least
    let heads = table.columns.map { ReportText($0.title) }
    for (number, cells) in ([heads] + table.rows.prefix(PDFTypesetter.measuredRows)).enumerated() {
      let style = number == 0 ? PDFStyle.tableHead : .table
      for (index, cell) in cells.enumerated() where index < least.count {
        let text = cell.plain.clipped(to: 200)
        let longest = text.split(separator: " ").map { width(String($0), style.bold) }.max() ?? 0
        least[index] = max(least[index], min(longest, PDFTypesetter.widestWord))
        wanted[index] = max(wanted[index], width(text, style.bold), least[index])
      }
    }
    let room = PDFTheme.contentWidth - PDFTypesetter.gap * Double(max(least.count - 1, 0))
    let (low, high) = (least.reduce(0, +), wanted.reduce(0, +))
    if high <= room {
      // What is left over goes to the columns of text.
      let texts = table.columns.indices.filter { table.columns[$0].kind == .text }
      for index in texts { wanted[index] += (room - high) / Double(texts.count) }
      return wanted
    }
    guard low < room else { return least.map { $0 * room / low } }
    let share = (room - low) / (high - low)
    return zip(least, wanted).map { $0 + share * ($1 - $0) }
  }

  private mutating func width(_ text: String, _ style: PDFStyle) -> Double {
    style.size
      * flow.document.fonts.glyphs(text.escapingControlCharacters, style.face)
      .reduce(0) { $0 + $1.advance } + 0.5
  }
}

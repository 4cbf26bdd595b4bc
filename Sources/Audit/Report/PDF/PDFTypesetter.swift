import ModelIO

/// Makes boxes of what a report says.
struct PDFTypesetter {
  var flow: PDFFlow
  /// Of what stands on the left of facts.
  private var term = PDFStyle.soft

  init(flow: PDFFlow) {
    self.flow = flow
  }

  mutating func set(
    _ text: ReportText, _ style: PDFStyle, width: Double = PDFTheme.contentWidth
  ) -> [PDFLine] {
    PDFLines(text, style, width: width, fonts: &flow.document.fonts).lines
  }

  /// A paragraph, of which neither the first line nor the last stands alone on a page.
  mutating func paragraph(
    _ text: ReportText, _ style: PDFStyle, before: Double = 5, indent: Double = 0,
    keepsWithNext: Bool = false
  ) -> [PDFBox] {
    let lines = set(text, style, width: PDFTheme.contentWidth - indent)
    return lines.enumerated().map { index, line in
      PDFBox(
        height: style.leading, before: index == 0 ? before : 0,
        keepsWithNext: PDFTypesetter.holds(index, of: lines.count)
          || keepsWithNext && index == lines.count - 1
      ) { page, y in
        line.draw(on: &page, x: PDFTheme.left + indent, y: y + style.size)
      }
    }
  }

  /// Whether a line must stand beside the next one.
  static func holds(_ index: Int, of count: Int) -> Bool {
    index < count - 1 && (index == 0 || index == count - 2 || count <= 4)
  }

  mutating func heading(_ title: String) -> [PDFBox] {
    paragraph(ReportText(title), .heading, before: 12, keepsWithNext: true)
  }

  mutating func section(_ section: ReportSection) -> [PDFBox] {
    var boxes = paragraph(ReportText(section.title), .section, before: 22, keepsWithNext: true)
    if !boxes.isEmpty { boxes[0].section = (section.id, section.title) }
    boxes.append(
      PDFBox(height: 4, keepsWithNext: true) { page, y in
        page.line(
          [(PDFTheme.left, y + 1), (PDFTheme.left + PDFTheme.contentWidth, y + 1)], width: 0.75,
          PDFTheme.rule)
      })
    term = section.id == "summary" ? PDFStyle.usual.bold : .soft
    return boxes + blocks(section.blocks)
  }

  mutating func blocks(_ blocks: [ReportBlock]) -> [PDFBox] {
    var boxes: [PDFBox] = []
    for (index, block) in blocks.enumerated() {
      var own = self.block(block)
      // What leads to a figure or table stands with it.
      if case .paragraph = block, !own.isEmpty, index + 1 < blocks.count {
        own[own.count - 1].keepsWithNext = blocks[index + 1].isFigure
      }
      boxes += own
    }
    return boxes
  }

  private mutating func block(_ block: ReportBlock) -> [PDFBox] {
    switch block {
    case .heading(let title): return heading(title)
    case .paragraph(let text, let manner):
      switch manner {
      case .usual: return paragraph(text, .usual)
      case .soft: return paragraph(text, .soft)
      case .note: return paragraph(text, .note)
      }
    case .list(let items): return items.flatMap { item($0) }
    case .facts(let items): return facts(items)
    case .table(let table): return self.table(table)
    case .verdict(let verdict): return self.verdict(verdict)
    case .keyFigures(let figures): return keyFigures(figures)
    case .pictures(let rows): return pictures(rows)
    case .strips(let pictures): return pictures.flatMap { strip($0) }
    case .charts(let charts): return self.charts(charts)
    case .commands(let commands): return self.commands(commands)
    case .folded(_, let blocks, let isOnPaper): return isOnPaper ? self.blocks(blocks) : []
    }
  }

  private mutating func item(_ text: ReportText) -> [PDFBox] {
    var boxes = paragraph(text, .usual, before: 3, indent: 12)
    guard let first = boxes.first else { return [] }
    let bullet = set("•", .usual)
    boxes[0].draw = { page, y in
      first.draw(&page, y)
      for line in bullet { line.draw(on: &page, x: PDFTheme.left + 2, y: y + PDFStyle.usual.size) }
    }
    return boxes
  }

  /// Terms on the left, what is said of them on the right.
  mutating func facts(_ facts: [ReportFact]) -> [PDFBox] {
    let column = 118.0
    return facts.enumerated().flatMap { place, fact -> [PDFBox] in
      let names = set(ReportText(fact.term), term, width: column - 10)
      let lines = set(fact.text, .usual, width: PDFTheme.contentWidth - column)
      let count = max(names.count, lines.count)
      return (0..<count).map { index in
        PDFBox(
          height: PDFStyle.usual.leading, before: index > 0 ? 0 : place == 0 ? 9 : 4,
          keepsWithNext: PDFTypesetter.holds(index, of: count)
        ) { page, y in
          let y = y + PDFStyle.usual.size
          if index < names.count { names[index].draw(on: &page, x: PDFTheme.left, y: y) }
          if index < lines.count { lines[index].draw(on: &page, x: PDFTheme.left + column, y: y) }
        }
      }
    }
  }

  /// Paragraphs on a coloured panel, with a letter beside them.
  private mutating func verdict(_ verdict: ReportVerdict) -> [PDFBox] {
    let letter = PDFStyle(face: .bold, size: 44, color: PDFTheme.color(verdict.tone))
    let mark = set(ReportText(verdict.letter), letter)
    return panel(
      [(ReportText(verdict.title), .finding)] + verdict.paragraphs.map { ($0, .usual) },
      verdict.tone, indent: 70
    ) { page, y in
      for line in mark { line.draw(on: &page, x: PDFTheme.left + 18, y: y + 40) }
    }
  }

  /// Paragraphs on a coloured ground.
  mutating func panel(
    _ paragraphs: [(text: ReportText, style: PDFStyle)], _ tone: ReportTone, indent: Double,
    mark: @escaping (inout PDFPage, Double) -> Void = { _, _ in }
  ) -> [PDFBox] {
    let width = PDFTheme.contentWidth
    var lines: [(line: PDFLine, style: PDFStyle, before: Double)] = []
    for (text, style) in paragraphs {
      for (index, line) in set(text, style, width: width - indent - 12).enumerated() {
        lines.append((line, style, index == 0 && !lines.isEmpty ? 4 : 0))
      }
    }
    let heights = lines.enumerated().map { index, item in
      item.before + (index == 0 ? 9 : 0) + item.style.leading
        + (index == lines.count - 1 ? 9 : 0)
    }
    return lines.enumerated().map { index, item in
      let above = item.before + (index == 0 ? 9 : 0)
      let height = heights[index]
      // The first lines have one ground, for the mark that stands on it.
      let ground = index == 0 ? heights.prefix(4).reduce(0, +) : index < 4 ? 0 : height
      return PDFBox(
        height: height, before: index == 0 ? 10 : 0,
        keepsWithNext: index < lines.count - 1 && (index < 6 || index == lines.count - 2)
      ) { page, y in
        if ground > 0 {
          page.fill(
            x: PDFTheme.left, y: y, width: width, height: ground + 0.3, PDFTheme.panel(tone))
          page.fill(x: PDFTheme.left, y: y, width: 3, height: ground + 0.3, PDFTheme.color(tone))
        }
        if index == 0 { mark(&page, y + above) }
        item.line.draw(on: &page, x: PDFTheme.left + indent, y: y + above + item.style.size)
      }
    }
  }

  private mutating func commands(_ commands: [String]) -> [PDFBox] {
    var boxes: [PDFBox] = []
    let style = PDFStyle.command
    for command in commands {
      let lines = set(ReportText(verbatim: command), style, width: PDFTheme.contentWidth - 26)
      for (index, line) in lines.enumerated() {
        boxes.append(
          PDFBox(
            height: style.leading + (index == 0 ? 2 : 0), before: boxes.isEmpty ? 6 : 0,
            keepsWithNext: PDFTypesetter.holds(index, of: lines.count)
          ) { page, y in
            let height = style.leading + (index == 0 ? 2 : 0)
            page.fill(
              x: PDFTheme.left, y: y, width: PDFTheme.contentWidth, height: height + 0.3,
              PDFTheme.panel)
            line.draw(
              on: &page, x: PDFTheme.left + (index == 0 ? 8 : 18),
              y: y + style.size + (index == 0 ? 2 : 0))
          })
      }
    }
    return boxes
  }
}

extension ReportBlock {
  /// Whether a paragraph before it speaks of it.
  fileprivate var isFigure: Bool {
    switch self {
    case .heading, .paragraph: false
    case .list, .facts, .table, .verdict, .keyFigures, .pictures, .strips, .charts, .commands,
      .folded:
      true
    }
  }
}

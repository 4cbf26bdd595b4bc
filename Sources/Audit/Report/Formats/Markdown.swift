import ModelIO

extension ReportContent {
  /// Headings, paragraphs and tables in GitHub's Markdown. Pictures and charts are left out, but for what charts
  /// tell those who do not see them.
  var markdown: String {
    let verdict = sections.flatMap(\.blocks).lazy.compactMap { block -> String? in
      if case .verdict(let verdict) = block { verdict.title } else { nil }
    }.first
    var lines = ["# " + Markdown.escaped(verdict ?? finding), ""]
    let date = date.map { ", \($0)" } ?? ""
    lines += ["**\(Markdown.escaped(title))**\(date)", ""]
    if verdict != nil { lines += [Markdown.escaped(finding) + ".", ""] }
    if let warning { lines += ["> " + Markdown.text(warning), ""] }
    if !subject.isEmpty { lines += subject.map(Markdown.item) + [""] }
    for section in sections {
      let content = section.blocks.flatMap { Markdown.lines($0) }
      guard !content.isEmpty else { continue }
      lines += ["## " + Markdown.escaped(section.title), ""] + content
    }
    return (lines + [Markdown.text(closing), ""]).joined(separator: "\n")
  }
}

/// Blocks of a report in Markdown.
private enum Markdown {
  /// With an empty line at the end; none for what Markdown does not show.
  static func lines(_ block: ReportBlock) -> [String] {
    switch block {
    case .heading(let title): ["### " + escaped(title), ""]
    case .paragraph(let text, _): [Markdown.text(text), ""]
    case .list(let items): items.map { "- " + text($0) } + [""]
    case .facts(let facts): facts.map(item) + [""]
    case .table(let table): lines(table)
    case .verdict(let verdict): verdict.paragraphs.flatMap { [text($0), ""] }
    case .keyFigures(let figures):
      figures.map { figure in
        "- \(escaped(figure.name)): **\(escaped(figure.value))**"
          + (figure.note.isEmpty ? "" : " (\(escaped(figure.note)))")
      } + [""]
    case .pictures, .strips: []
    case .charts(let charts): charts.flatMap { [escaped($0.summary), ""] }
    // Indented, not fenced: no name can end the block.
    case .commands(let commands):
      commands.map { "    " + $0.escapingControlCharacters } + [""]
    case .folded(_, let blocks, _): blocks.flatMap(lines)
    }
  }

  static func item(_ fact: ReportFact) -> String {
    "- **\(escaped(fact.term))**: \(text(fact.text))"
  }

  private static func lines(_ table: ReportTable) -> [String] {
    let caption = table.caption.map { [text($0), ""] } ?? []
    let heads = "| " + table.columns.map { escaped($0.title) }.joined(separator: " | ") + " |"
    let rule =
      "| " + table.columns.map { $0.kind == .number ? "---:" : "---" }.joined(separator: " | ")
      + " |"
    let rows = table.rows.map { row in
      "| " + row.map { escaped($0.plain) }.joined(separator: " | ") + " |"
    }
    return caption + [heads, rule] + rows + [""]
  }

  static func text(_ text: ReportText) -> String {
    text.spans.map { span in
      switch span.style {
      case .strong: "**\(escaped(span.text))**"
      case .plain, .code, .tone, .link: escaped(span.text)
      }
    }.joined()
  }

  /// Text that means itself in Markdown and in a table's cell.
  static func escaped(_ text: String) -> String {
    var result = ""
    for character in text.escapingControlCharacters {
      if "\\`*_[]<>|#&~".contains(character) { result += "\\" }
      result.append(character)
    }
    return result
  }
}

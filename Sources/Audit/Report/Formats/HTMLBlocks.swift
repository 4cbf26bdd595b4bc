import Foundation
import ModelIO

extension HTML {
  static func facts(_ facts: [ReportFact]) -> HTML {
    """
    <dl class="facts">
    \(facts.map { "<div><dt>\($0.term)</dt><dd>\($0.text.html)</dd></div>\n" as HTML })</dl>

    """
  }
}

extension ReportBlock {
  var html: HTML {
    switch self {
    case .heading(let title): return "<h3>\(title)</h3>\n"
    case .paragraph(let text, let manner):
      let style: HTML =
        switch manner {
        case .usual: .none
        case .soft: " class=\"soft\""
        case .note: " class=\"note\""
        }
      return "<p\(style)>\(text.html)</p>\n"
    case .list(let items):
      return "<ul>\n\(items.map { "<li>\($0.html)</li>\n" as HTML })</ul>\n"
    case .facts(let facts): return HTML.facts(facts)
    case .table(let table): return table.html
    case .verdict(let verdict): return verdict.html
    case .keyFigures(let figures):
      let items = figures.map { figure -> HTML in
        """
        <div><dt>\(figure.name)</dt><dd>\(figure.value)<small>\(figure.note)</small></dd></div>

        """
      }
      return "<dl class=\"figures\">\n\(items)</dl>\n"
    case .pictures(let rows):
      return "<div class=\"pictures\">\n\(rows.map(\.html))</div>\n"
    case .strips(let pictures): return pictures.compactMap(\.strip).joined
    case .charts(let charts):
      return """
        <div class="charts">
        \(charts.map { "<figure>\($0.svg)</figure>\n" as HTML })</div>

        """
    case .commands(let commands):
      return "<pre tabindex=\"0\"><code>\(commands.map { "\($0)\n" as HTML })</code></pre>\n"
    case .folded(let title, let blocks, let isOnPaper):
      let style: HTML = isOnPaper ? .none : " class=\"screen\""
      return "<details\(style)><summary>\(title)</summary>\n\(blocks.map(\.html))</details>\n"
    }
  }
}

extension ReportVerdict {
  fileprivate var html: HTML {
    """
    <div class="verdict \(tone.rawValue)">
    <p class="grade" aria-hidden="true">\(letter)<small>A to F</small></p>
    <div>
    <h3>\(title)</h3>
    \(paragraphs.map { "<p>\($0.html)</p>\n" as HTML })</div>
    </div>

    """
  }
}

extension ReportTable {
  fileprivate var html: HTML {
    let heads = columns.map { column -> HTML in
      column.kind == .number
        ? "<th scope=\"col\" class=\"number\">\(column.title)</th>"
        : "<th scope=\"col\">\(column.title)</th>"
    }
    let body = rows.map { row -> HTML in
      let cells = zip(row, columns).map { cell, column -> HTML in
        switch column.kind {
        case .plain: "<td>\(cell.html)</td>"
        case .name: "<td class=\"name\">\(cell.html)</td>"
        case .number: "<td class=\"number\">\(cell.html)</td>"
        case .text: "<td class=\"text\">\(cell.html)</td>"
        }
      }
      return "<tr>\(cells)</tr>\n"
    }
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="\(label)">
      <table>
      \(caption.map { "<caption>\($0.html)</caption>\n" as HTML } ?? .none)<thead><tr>\(heads)</tr></thead>
      <tbody>
      \(body)</tbody>
      </table>
      </div>

      """
  }
}

extension ReportPictureRow {
  fileprivate var html: HTML {
    let cells: HTML =
      pictures.count > 1
      ? "<div class=\"triple\">\n\(pictures.map(\.cell))</div>\n"
      : pictures.compactMap(\.picture).joined
    return """
      <figure\(pictures.count > 1 ? .none : " class=\"map\"" as HTML)>
      \(cells)<figcaption>\(caption.html)</figcaption>
      </figure>

      """
  }
}

extension ReportPicture {
  fileprivate var picture: HTML? {
    guard let image, let uri = image.dataURI else { return nil }
    return """
      <img src="\(uri)" width="\(image.width)" height="\(image.height)" alt="\(alternative)">
      """
  }

  fileprivate var cell: HTML {
    guard let picture else {
      return "<div><div class=\"absent\">not in the folder</div><span>\(label)</span></div>\n"
    }
    return "<div>\(picture)<span>\(label)</span></div>\n"
  }

  fileprivate var strip: HTML? {
    picture.map {
      """
      <div class="scroll strip" tabindex="0" role="region" aria-label="\(label)">\($0)</div>

      """
    }
  }
}

extension Image {
  /// The picture as a `data:` URI, for a page that loads nothing.
  fileprivate var dataURI: String? {
    guard let bytes = try? encodedPNG(path: "picture") else { return nil }
    return "data:image/png;base64," + Data(bytes).base64EncodedString()
  }
}

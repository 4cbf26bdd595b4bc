import ModelIO

/// One line of text, ready to be drawn.
struct PDFLine {
  struct Run {
    var glyphs: [PDFGlyph]
    let style: PDFStyle
    /// Where it leads, if anywhere.
    let link: String?

    var width: Double { style.size * glyphs.reduce(0) { $0 + $1.advance } }
  }

  var runs: [Run]

  var width: Double { runs.reduce(0) { $0 + $1.width } }

  /// - Parameter y: of the base line.
  func draw(on page: inout PDFPage, x: Double, y: Double) {
    page.text(runs.map { ($0.glyphs, $0.style.size, $0.style.color) }, at: (x, y))
    var x = x
    for run in runs {
      if let link = run.link {
        page.link(
          to: link, x: x, y: y - run.style.size, width: run.width, height: run.style.size * 1.3)
      }
      x += run.width
    }
  }
}

/// Text broken into lines: at spaces, between ideographs, and within a word that is wider than a line.
struct PDFLines {
  private struct Piece {
    let glyph: PDFGlyph
    let run: Int
  }

  private(set) var lines: [PDFLine] = []
  private var styles: [(style: PDFStyle, link: String?)] = []

  init(
    _ text: ReportText, _ style: PDFStyle, width: Double, fonts: inout PDFFonts
  ) {
    var pieces: [Piece] = []
    for span in text.spans {
      let (own, link) = PDFLines.style(span.style, style)
      styles.append((own, link))
      pieces += fonts.glyphs(span.text.escapingControlCharacters, own.face)
        .map { Piece(glyph: $0, run: styles.count - 1) }
    }
    breakLines(pieces, width)
  }

  private static func style(
    _ span: ReportText.Style, _ style: PDFStyle
  ) -> (PDFStyle, String?) {
    var own = style
    switch span {
    case .plain: return (own, nil)
    case .strong: return (own.bold, nil)
    case .code:
      own.face = .fixed
      own.size *= 0.9
      return (own, nil)
    case .tone(let tone):
      own.color = PDFTheme.color(tone)
      return (own.bold, nil)
    case .link(let id):
      own.color = PDFTheme.link
      return (own, id)
    }
  }

  private mutating func breakLines(_ pieces: [Piece], _ limit: Double) {
    var line: [Piece] = []
    var width = 0.0
    // How many pieces of the line may stay where it is ended.
    var end: Int?
    func measure(_ piece: Piece) -> Double { piece.glyph.advance * styles[piece.run].style.size }
    for piece in pieces {
      if piece.glyph.isSpace {
        guard !line.isEmpty else { continue }
        line.append(piece)
        width += measure(piece)
        end = line.count
        continue
      }
      let advance = measure(piece)
      while width + advance > limit, !line.isEmpty {
        let kept = end ?? line.count
        append(line.prefix(kept))
        line = Array(line.dropFirst(kept))
        width = line.reduce(0) { $0 + measure($1) }
        end = nil
      }
      line.append(piece)
      width += advance
      if piece.glyph.isIdeograph { end = line.count }
    }
    if !line.isEmpty || lines.isEmpty { append(line[...]) }
  }

  private mutating func append(_ pieces: ArraySlice<Piece>) {
    var pieces = pieces
    while pieces.last?.glyph.isSpace == true { pieces.removeLast() }
    var runs: [PDFLine.Run] = []
    var last: Int?
    for piece in pieces {
      if piece.run == last {
        runs[runs.count - 1].glyphs.append(piece.glyph)
      } else {
        let (style, link) = styles[piece.run]
        runs.append(PDFLine.Run(glyphs: [piece.glyph], style: style, link: link))
        last = piece.run
      }
    }
    lines.append(PDFLine(runs: runs))
  }
}

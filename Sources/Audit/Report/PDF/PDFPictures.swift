import ModelIO

extension PDFTypesetter {
  private static let columnGap = 18.0
  private var columnWidth: Double { (PDFTheme.contentWidth - PDFTypesetter.columnGap) / 2 }

  // MARK: - Key figures

  mutating func keyFigures(_ figures: [ReportKeyFigure]) -> [PDFBox] {
    let gap = 14.0
    let count = Double(max(figures.count, 1))
    let width = (PDFTheme.contentWidth - gap * (count - 1)) / count
    let value = PDFStyle(face: .bold, size: 14)
    var columns: [[(lines: [PDFLine], style: PDFStyle)]] = []
    for figure in figures {
      columns.append([
        (set(ReportText(figure.name), .note, width: width), .note),
        (set(ReportText(figure.value), value, width: width), value),
        (set(ReportText(figure.note), .note, width: width), .note),
      ])
    }
    let height =
      6
      + (columns.map { $0.reduce(0) { $0 + $1.style.leading * Double($1.lines.count) } }.max() ?? 0)
    return [
      PDFBox(height: height, before: 12) { page, y in
        for (index, parts) in columns.enumerated() {
          let x = PDFTheme.left + Double(index) * (width + gap)
          page.line([(x, y), (x + width, y)], width: 0.75, PDFTheme.rule)
          var y = y + 4
          for part in parts {
            for line in part.lines {
              line.draw(on: &page, x: x, y: y + part.style.size)
              y += part.style.leading
            }
          }
        }
      }
    ]
  }

  // MARK: - Pictures

  mutating func pictures(_ rows: [ReportPictureRow]) -> [PDFBox] {
    stride(from: 0, to: rows.count, by: 2).map { start in
      var cells: [PDFBox] = []
      for row in rows[start..<min(start + 2, rows.count)] {
        let x = PDFTheme.left + Double(cells.count) * (columnWidth + PDFTypesetter.columnGap)
        cells.append(figure(row, x: x))
      }
      return PDFTypesetter.besides(cells)
    }
  }

  /// Boxes that were made side by side, as one that no page breaks.
  private static func besides(_ cells: [PDFBox]) -> PDFBox {
    PDFBox(height: cells.map(\.height).max() ?? 0, before: 12) { page, y in
      for cell in cells { cell.draw(&page, y) }
    }
  }

  private mutating func figure(_ row: ReportPictureRow, x: Double) -> PDFBox {
    let count = row.pictures.count
    let gap = 5.0
    let side =
      count > 1 ? (columnWidth - gap * Double(count - 1)) / Double(count) : columnWidth / 2
    var parts: [(image: Int?, box: (width: Double, height: Double), label: [PDFLine])] = []
    for picture in row.pictures {
      let size = picture.image.map { PDFTypesetter.fitted($0, width: side, height: side) }
      let label = picture.image == nil ? "\(picture.label): not in the folder" : picture.label
      parts.append(
        (
          picture.image.map { flow.document.add($0) }, size ?? (side, side),
          label.isEmpty ? [] : set(ReportText(label), .note, width: side)
        ))
    }
    let labels = Double(parts.map(\.label.count).max() ?? 0) * PDFStyle.note.leading
    // A hostile name makes no caption longer than a page.
    let caption = set(row.caption, .small, width: columnWidth).prefix(12)
    let captionTop = side + labels + 3
    let height = captionTop + Double(caption.count) * PDFStyle.small.leading
    return PDFBox(height: height) { page, y in
      for (index, part) in parts.enumerated() {
        let x = x + Double(index) * (side + gap)
        if let image = part.image {
          page.image(
            image, x: x, y: y + side - part.box.height, width: part.box.width,
            height: part.box.height)
          page.frame(
            x: x, y: y + side - part.box.height, width: part.box.width, height: part.box.height,
            PDFTheme.rule)
        } else {
          page.fill(x: x, y: y, width: side, height: side, PDFTheme.panel)
        }
        for (number, line) in part.label.enumerated() {
          let y = y + side + Double(number) * PDFStyle.note.leading
          line.draw(on: &page, x: x, y: y + PDFStyle.note.size + 1)
        }
      }
      for (number, line) in caption.enumerated() {
        let y = y + captionTop + Double(number) * PDFStyle.small.leading
        line.draw(on: &page, x: x, y: y + PDFStyle.small.size)
      }
    }
  }

  /// The size of a picture that fits into a rectangle.
  private static func fitted(
    _ image: Image, width: Double, height: Double
  ) -> (width: Double, height: Double) {
    let scale = min(width / Double(image.width), height / Double(image.height))
    return (scale * Double(image.width), scale * Double(image.height))
  }

  mutating func strip(_ picture: ReportPicture) -> [PDFBox] {
    guard let image = picture.image else { return [] }
    let size = PDFTypesetter.fitted(
      image, width: PDFTheme.contentWidth, height: PDFTheme.lowest - PDFTheme.top - 20)
    let index = flow.document.add(image)
    return [
      PDFBox(height: size.height, before: 8) { page, y in
        page.image(index, x: PDFTheme.left, y: y, width: size.width, height: size.height)
      }
    ]
  }

  // MARK: - Charts

  mutating func charts(_ charts: [Chart]) -> [PDFBox] {
    stride(from: 0, to: charts.count, by: 2).map { start in
      var cells: [PDFBox] = []
      for chart in charts[start..<min(start + 2, charts.count)] {
        let x = PDFTheme.left + Double(cells.count) * (columnWidth + PDFTypesetter.columnGap)
        cells.append(drawing(chart, x: x))
      }
      return PDFTypesetter.besides(cells)
    }
  }

  private mutating func drawing(_ chart: Chart, x: Double) -> PDFBox {
    let scale = columnWidth / Chart.width
    let marks = chart.marks
    // Text is set beforehand: it may need fonts.
    var texts: [Int: PDFLine] = [:]
    for (index, mark) in marks.enumerated() {
      if case .text(let text, let writing, _, _, let color) = mark {
        let ink = writing == .title ? PDFTheme.ink : PDFTheme.soft
        let style = PDFStyle(
          size: 11.5 * scale, color: color.map { PDFTheme.lines[$0 % Chart.colorCount] } ?? ink)
        texts[index] = set(ReportText(text), style, width: .infinity).first
      }
    }
    return PDFBox(height: Chart.height * scale) { page, y in
      func place(_ point: ChartMark.Point) -> PDFPage.Point {
        (x + scale * point.x, y + scale * point.y)
      }
      func color(_ index: Int) -> PDFPage.Color { PDFTheme.lines[index % Chart.colorCount] }
      for (index, mark) in marks.enumerated() {
        switch mark {
        case .stroke(let stroke, let from, let to, let own):
          let (width, dash, ink) = PDFTypesetter.pen(stroke)
          page.line(
            [place(from), place(to)], width: width * scale, dash: dash.map { $0 * scale },
            own.map(color) ?? ink)
        case .path(let points, let own, let isThin):
          page.line(points.map(place), width: (isThin ? 1 : 1.75) * scale, color(own))
        case .dot(let point, let own): page.dot(place(point), radius: 3 * scale, color(own))
        case .text(_, _, let point, let anchor, _):
          guard let line = texts[index] else { continue }
          let place = place(point)
          let shift = anchor == .start ? 0 : line.width / (anchor == .middle ? 2 : 1)
          line.draw(on: &page, x: place.x - shift, y: place.y)
        }
      }
    }
  }

  private static func pen(
    _ stroke: ChartMark.Stroke
  ) -> (width: Double, dash: [Double], color: PDFPage.Color) {
    switch stroke {
    case .grid: (0.75, [], PDFTheme.rule)
    case .axis: (1, [], PDFTheme.soft)
    case .reference: (1, [2, 3], PDFTheme.soft)
    case .threshold: (1, [5, 3], PDFTheme.ink)
    case .interval: (1.25, [], PDFTheme.soft)
    }
  }
}

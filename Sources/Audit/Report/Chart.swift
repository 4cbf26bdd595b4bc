/// A line chart as inline SVG: axes with titles and units, lines that are labelled where they end,
/// reference levels across.
struct Chart {
  struct Line {
    let label: String
    let points: [(x: Double, y: Double)]
    /// Which of the page's line colours, from 0.
    var color = 0
    /// Many lines together are drawn thinner.
    var isThin = false
    var hasMarks = false
    /// Ends of a vertical interval at each point, if any.
    var intervals: [(low: Double, high: Double)] = []
  }

  /// A level across the chart.
  struct Reference {
    let value: Double
    let label: String
  }

  /// What a reader that sees no picture is told.
  let summary: String
  let xTitle: String
  let yTitle: String
  let x: ChartScale
  let y: ChartScale
  let lines: [Line]
  var references: [Reference] = []
  /// Where along x something is decided, with its label.
  var threshold: Reference?

  private static let width = 400.0
  private static let height = 264.0
  private static let top = 30.0
  private static let bottom = 42.0
  private static let left = 46.0
  /// No chart has more points of a line: what is closer together cannot be told apart.
  private static let pointLimit = 400

  private var right: Double { hasLabels ? 98 : 16 }
  private var hasLabels: Bool { !references.isEmpty || lines.contains { !$0.label.isEmpty } }
  private var plotWidth: Double { Chart.width - Chart.left - right }
  private var plotHeight: Double { Chart.height - Chart.top - Chart.bottom }

  var svg: HTML {
    """
    <svg class="chart" viewBox="0 0 \(Chart.width) \(Chart.height)" role="img" \
    aria-label="\(summary)">\(axes)\(references.map(draw).joined)\(thresholdMark)\
    \(lines.map(draw).joined)\(labels)</svg>
    """
  }

  // MARK: - Places

  private func place(x value: Double) -> Double? {
    x.position(value).map { Chart.left + min(max($0, 0), 1) * plotWidth }
  }

  private func place(y value: Double) -> Double? {
    y.position(value).map { Chart.top + (1 - min(max($0, 0), 1)) * plotHeight }
  }

  // MARK: - Parts

  private var axes: HTML {
    let bottom = Chart.top + plotHeight
    let end = Chart.left + plotWidth
    let horizontal = y.ticks.compactMap { tick -> HTML? in
      guard let y = place(y: tick.value) else { return nil }
      return """
        <line class="grid" x1="\(Chart.left)" x2="\(end)" y1="\(y)" y2="\(y)"/>\
        <text class="tick" x="\(Chart.left - 6)" y="\(y + 4)" text-anchor="end">\(tick.label)</text>
        """
    }
    let vertical = x.ticks.compactMap { tick -> HTML? in
      guard let x = place(x: tick.value) else { return nil }
      return """
        <line class="axis" x1="\(x)" x2="\(x)" y1="\(bottom)" y2="\(bottom + 4)"/>\
        <text class="tick" x="\(x)" y="\(bottom + 16)" text-anchor="middle">\(tick.label)</text>
        """
    }
    return """
      \(horizontal)<line class="axis" x1="\(Chart.left)" x2="\(end)" y1="\(bottom)" \
      y2="\(bottom)"/>\(vertical)<text class="title" x="2" y="13">\(yTitle)</text>\
      <text class="title" x="\(end)" y="\(Chart.height - 6)" text-anchor="end">\(xTitle)</text>
      """
  }

  private func draw(_ reference: Reference) -> HTML {
    guard let y = place(y: reference.value) else { return .none }
    return """
      <line class="reference" x1="\(Chart.left)" x2="\(Chart.left + plotWidth)" y1="\(y)" \
      y2="\(y)"/>
      """
  }

  private var thresholdMark: HTML {
    guard let threshold, let x = place(x: threshold.value) else { return .none }
    let isLate = x > Chart.left + plotWidth / 2
    return """
      <line class="threshold" x1="\(x)" x2="\(x)" y1="\(Chart.top)" \
      y2="\(Chart.top + plotHeight)"/><text class="label" x="\(x + (isLate ? -5 : 5))" \
      y="\(Chart.top + 10)" text-anchor="\(isLate ? "end" : "start")">\(threshold.label)</text>
      """
  }

  private func draw(_ line: Line) -> HTML {
    let step = max(line.points.count / Chart.pointLimit, 1)
    let kept = line.points.indices.filter { $0 % step == 0 || $0 == line.points.count - 1 }
    let points = kept.compactMap { index -> (x: Double, y: Double)? in
      guard let x = place(x: line.points[index].x), let y = place(y: line.points[index].y) else {
        return nil
      }
      return (x, y)
    }
    guard !points.isEmpty else { return .none }
    let path = points.map { "\(HTML.coordinate($0.x)),\(HTML.coordinate($0.y))" }
      .joined(separator: " ")
    let marks = line.hasMarks || points.count == 1
    let intervals = zip(line.points, line.intervals).compactMap { point, interval -> HTML? in
      guard let x = place(x: point.x), let low = place(y: interval.low),
        let high = place(y: interval.high)
      else { return nil }
      return """
        <line class="interval c\(line.color)" x1="\(x)" x2="\(x)" y1="\(low)" y2="\(high)"/>
        """
    }
    let dots =
      marks
      ? points.map {
        """
        <circle class="mark c\(line.color)" cx="\($0.x)" cy="\($0.y)" r="3"/>
        """ as HTML
      } : []
    return """
      \(intervals)<polyline class="line c\(line.color)\(line.isThin ? " thin" : "")" \
      points="\(path)"/>\(dots)
      """
  }

  // MARK: - Labels

  /// The names at the right end, moved apart where they would overlap.
  private var labels: HTML {
    struct Label {
      let text: String
      let style: String
      var y: Double
    }
    var labels = references.compactMap { reference in
      place(y: reference.value).map { Label(text: reference.label, style: "label", y: $0) }
    }
    for line in lines where !line.label.isEmpty {
      guard let last = line.points.last(where: { place(y: $0.y) != nil }),
        let y = place(y: last.y)
      else { continue }
      labels.append(Label(text: line.label, style: "label c\(line.color)", y: y))
    }
    labels.sort { $0.y < $1.y }
    let distance = 13.0
    for index in labels.indices.dropFirst() {
      labels[index].y = max(labels[index].y, labels[index - 1].y + distance)
    }
    var limit = Chart.top + plotHeight - 3
    for index in labels.indices.reversed() {
      labels[index].y = min(labels[index].y, limit)
      limit = labels[index].y - distance
    }
    let x = Chart.left + plotWidth + 6
    return labels.map { label -> HTML in
      """
      <text class="\(label.style)" x="\(x)" y="\(label.y + 4)">\(label.text)</text>
      """
    }.joined
  }
}

/// A line chart: axes with titles and units, lines that are labelled where they end, reference levels across.
/// Formats draw its ``marks``.
struct Chart: Sendable {
  struct Line: Sendable {
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
  struct Reference: Sendable {
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

  static let width = 400.0
  static let height = 264.0
  private static let top = 30.0
  private static let bottom = 42.0
  private static let left = 46.0
  /// No chart has more points of a line: what is closer together cannot be told apart.
  private static let pointLimit = 400

  private var right: Double { hasLabels ? 98 : 16 }
  private var hasLabels: Bool { !references.isEmpty || lines.contains { !$0.label.isEmpty } }
  private var plotWidth: Double { Chart.width - Chart.left - right }
  private var plotHeight: Double { Chart.height - Chart.top - Chart.bottom }

  /// All that is drawn, from back to front.
  var marks: [ChartMark] {
    axes + references.flatMap(draw) + thresholdMarks + lines.flatMap(draw) + labels
  }

  // MARK: - Places

  private func place(x value: Double) -> Double? {
    x.position(value).map { Chart.left + min(max($0, 0), 1) * plotWidth }
  }

  private func place(y value: Double) -> Double? {
    y.position(value).map { Chart.top + (1 - min(max($0, 0), 1)) * plotHeight }
  }

  // MARK: - Parts

  private var axes: [ChartMark] {
    let bottom = Chart.top + plotHeight
    let end = Chart.left + plotWidth
    let horizontal = y.ticks.flatMap { tick -> [ChartMark] in
      guard let y = place(y: tick.value) else { return [] }
      return [
        .stroke(.grid, from: (Chart.left, y), to: (end, y), color: nil),
        .text(tick.label, .tick, at: (Chart.left - 6, y + 4), .end, color: nil),
      ]
    }
    let vertical = x.ticks.flatMap { tick -> [ChartMark] in
      guard let x = place(x: tick.value) else { return [] }
      return [
        .stroke(.axis, from: (x, bottom), to: (x, bottom + 4), color: nil),
        .text(tick.label, .tick, at: (x, bottom + 16), .middle, color: nil),
      ]
    }
    return horizontal + [.stroke(.axis, from: (Chart.left, bottom), to: (end, bottom), color: nil)]
      + vertical + [
        .text(yTitle, .title, at: (2, 13), .start, color: nil),
        .text(xTitle, .title, at: (end, Chart.height - 6), .end, color: nil),
      ]
  }

  private func draw(_ reference: Reference) -> [ChartMark] {
    guard let y = place(y: reference.value) else { return [] }
    return [
      .stroke(.reference, from: (Chart.left, y), to: (Chart.left + plotWidth, y), color: nil)
    ]
  }

  private var thresholdMarks: [ChartMark] {
    guard let threshold, let x = place(x: threshold.value) else { return [] }
    let isLate = x > Chart.left + plotWidth / 2
    return [
      .stroke(.threshold, from: (x, Chart.top), to: (x, Chart.top + plotHeight), color: nil),
      .text(
        threshold.label, .label, at: (x + (isLate ? -5 : 5), Chart.top + 10),
        isLate ? .end : .start, color: nil),
    ]
  }

  private func draw(_ line: Line) -> [ChartMark] {
    let step = max(line.points.count / Chart.pointLimit, 1)
    let kept = line.points.indices.filter { $0 % step == 0 || $0 == line.points.count - 1 }
    let points = kept.compactMap { index -> ChartMark.Point? in
      guard let x = place(x: line.points[index].x), let y = place(y: line.points[index].y) else {
        return nil
      }
      return (x, y)
    }
    guard !points.isEmpty else { return [] }
    let intervals = zip(line.points, line.intervals).compactMap { point, interval -> ChartMark? in
      guard let x = place(x: point.x), let low = place(y: interval.low),
        let high = place(y: interval.high)
      else { return nil }
      return .stroke(.interval, from: (x, low), to: (x, high), color: line.color)
    }
    let hasDots = line.hasMarks || points.count == 1
    return intervals + [.path(points, color: line.color, isThin: line.isThin)]
      + (hasDots ? points.map { .dot($0, color: line.color) } : [])
  }

  // MARK: - Labels

  /// The names at the right end, moved apart where they would overlap.
  private var labels: [ChartMark] {
    struct Label {
      let text: String
      let color: Int?
      var y: Double
    }
    var labels = references.compactMap { reference in
      place(y: reference.value).map { Label(text: reference.label, color: nil, y: $0) }
    }
    for line in lines where !line.label.isEmpty {
      guard let last = line.points.last(where: { place(y: $0.y) != nil }),
        let y = place(y: last.y)
      else { continue }
      labels.append(Label(text: line.label, color: line.color, y: y))
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
    return labels.map {
      .text($0.text, .label, at: (x, $0.y + 4), .start, color: $0.color)
    }
  }
}

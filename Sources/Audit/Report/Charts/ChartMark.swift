/// One mark of a chart, in its units from the upper left: what every format draws.
enum ChartMark: Sendable {
  /// Straight lines, and what they are.
  enum Stroke: String, Sendable {
    case grid
    case axis
    case reference
    case threshold
    case interval
  }

  /// Words, and what they are.
  enum Writing: String, Sendable {
    case tick
    case title
    case label
  }

  /// Which point of a text is at its place.
  enum Anchor: String, Sendable {
    case start
    case middle
    case end
  }

  typealias Point = (x: Double, y: Double)

  case stroke(Stroke, from: Point, to: Point, color: Int?)
  case path([Point], color: Int, isThin: Bool)
  case dot(Point, color: Int)
  case text(String, Writing, at: Point, Anchor, color: Int?)
}

extension Chart {
  /// Colours that lines have in turn.
  static let colorCount = 6

  /// As inline SVG.
  var svg: HTML {
    """
    <svg class="chart" viewBox="0 0 \(Chart.width) \(Chart.height)" role="img" \
    aria-label="\(summary)">\(marks.map(\.svg))</svg>
    """
  }
}

extension ChartMark {
  fileprivate var svg: HTML {
    switch self {
    case .stroke(let stroke, let from, let to, let color):
      return """
        <line class="\(stroke.rawValue)\(ChartMark.colorClass(color))" x1="\(from.x)" x2="\(to.x)" y1="\(from.y)" \
        y2="\(to.y)"/>
        """
    case .path(let points, let color, let isThin):
      let places = points.map { "\(HTML.coordinate($0.x)),\(HTML.coordinate($0.y))" }
        .joined(separator: " ")
      return """
        <polyline class="line\(ChartMark.colorClass(color))\(isThin ? " thin" : "")" points="\(places)"/>
        """
    case .dot(let point, let color):
      return """
        <circle class="mark\(ChartMark.colorClass(color))" cx="\(point.x)" cy="\(point.y)" r="3"/>
        """
    case .text(let text, let writing, let point, let anchor, let color):
      let place: HTML = anchor == .start ? .none : " text-anchor=\"\(anchor.rawValue)\""
      return """
        <text class="\(writing.rawValue)\(ChartMark.colorClass(color))" x="\(point.x)" y="\(point.y)"\(place)>\
        \(text)</text>
        """
    }
  }

  private static func colorClass(_ color: Int?) -> HTML {
    color.map { " c\($0 % Chart.colorCount)" as HTML } ?? .none
  }
}

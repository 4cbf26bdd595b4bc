/// A line or paragraph of a report, with what stands out in it. Each format renders its spans.
///
/// Written as a string: strings that are put in between come from outside, and lose the folders of absolute
/// paths and what is beyond ``limit``.
struct ReportText: ExpressibleByStringInterpolation, Sendable, Equatable {
  /// How one piece stands out.
  enum Style: Sendable, Equatable {
    case plain
    case strong
    case code
    /// Coloured by what leaked; the words say the same.
    case tone(ReportTone)
    /// Leads to the section of this id.
    case link(String)
  }

  struct Span: Sendable, Equatable {
    let text: String
    let style: Style
  }

  private(set) var spans: [Span] = []

  /// Scalars of one text from outside that are shown.
  static let limit = 4000

  /// Text from outside, with the folders of its absolute paths left out.
  init(_ text: String) { append(ReportText.shown(text.withoutFolders), .plain) }

  /// Private text, as it is.
  init(verbatim text: String) { append(ReportText.shown(text), .plain) }

  init(_ text: String, _ style: Style) { append(ReportText.shown(text.withoutFolders), style) }

  init(stringLiteral text: String) { append(text, .plain) }

  init(stringInterpolation: StringInterpolation) { spans = stringInterpolation.text.spans }

  /// Without styles.
  var plain: String { spans.map(\.text).joined() }

  private mutating func append(_ text: String, _ style: Style) {
    guard !text.isEmpty else { return }
    if let last = spans.last, last.style == style {
      spans[spans.count - 1] = Span(text: last.text + text, style: style)
    } else {
      spans.append(Span(text: text, style: style))
    }
  }

  private mutating func append(_ other: ReportText) {
    for span in other.spans { append(span.text, span.style) }
  }

  private static func shown(_ text: String) -> String {
    guard text.utf8.count > limit, text.unicodeScalars.count > limit else { return text }
    return String(text.unicodeScalars.prefix(limit))
      + "… (\(text.unicodeScalars.count - limit) more characters)"
  }

  struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var text: ReportText = ""

    init(literalCapacity: Int, interpolationCount: Int) {}

    mutating func appendLiteral(_ literal: String) { text.append(literal, .plain) }
    mutating func appendInterpolation(_ text: String) { self.text.append(ReportText(text)) }
    mutating func appendInterpolation(_ number: Int) { text.append(String(number), .plain) }
    mutating func appendInterpolation(_ other: ReportText) { text.append(other) }
    mutating func appendInterpolation(_ others: [ReportText]) {
      for other in others { text.append(other) }
    }
    mutating func appendInterpolation(_ text: String, _ style: Style) {
      self.text.append(ReportText(text, style))
    }
  }
}

/// What a colour says besides the words: whether private data leaked.
enum ReportTone: String, Sendable {
  case safe
  case some
  case leak
}

extension LeakageGrade {
  var tone: ReportTone {
    switch self {
    // What these attacks did not find is not thereby safe: no grade has the colour of safety but those that
    // found nothing.
    case .A, .B: .safe
    case .C, .D, .notShown: .some
    case .E, .F: .leak
    }
  }
}

extension LeakLevel {
  var tone: ReportTone {
    switch self {
    case .nothing, .label: .safe
    case .undetermined, .recognisable: .some
    case .full: .leak
    }
  }
}

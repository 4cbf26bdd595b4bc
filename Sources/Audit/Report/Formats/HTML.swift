/// A piece of a page. Only ``text(_:)`` takes text from outside, and escapes it; string literals are
/// markup.
struct HTML: ExpressibleByStringInterpolation, Sendable {
  let markup: String

  init(markup: String) {
    self.markup = markup
  }

  init(stringLiteral value: String) {
    markup = value
  }

  init(stringInterpolation: Interpolation) {
    markup = stringInterpolation.markup
  }

  /// Literal parts are markup; texts that are put in between are escaped.
  struct Interpolation: StringInterpolationProtocol {
    var markup = ""

    init(literalCapacity: Int, interpolationCount: Int) {
      markup.reserveCapacity(literalCapacity + 16 * interpolationCount)
    }

    mutating func appendLiteral(_ literal: String) { markup += literal }
    mutating func appendInterpolation(_ piece: HTML) { markup += piece.markup }
    mutating func appendInterpolation(_ pieces: [HTML]) {
      for piece in pieces { markup += piece.markup }
    }
    mutating func appendInterpolation(_ text: String) { markup += HTML.escaped(text) }
    mutating func appendInterpolation(_ number: Int) { markup += String(number) }
    /// A coordinate with at most two decimals.
    mutating func appendInterpolation(_ number: Double) { markup += HTML.coordinate(number) }
  }

  /// Text that means itself in content and in quoted attributes. Control characters, which could
  /// reorder or hide what stands beside them, are shown as their numbers.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default:
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
          result += "\\u{" + String(scalar.value, radix: 16) + "}"
        default:
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result
  }

  static func coordinate(_ value: Double) -> String {
    let scaled = (value * 100).rounded() / 100
    if let whole = Int(exactly: scaled) { return String(whole) }
    return "\(scaled)"
  }

  static let none: HTML = ""
}

extension Array where Element == HTML {
  /// All pieces with nothing between them.
  var joined: HTML { HTML(markup: map(\.markup).joined()) }
}

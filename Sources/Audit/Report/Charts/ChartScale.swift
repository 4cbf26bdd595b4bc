import Foundation

/// How the values of one axis lie along it.
struct ChartScale: Sendable {
  enum Kind: Sendable {
    case linear
    case logarithmic
  }

  let kind: Kind
  let low: Double
  let high: Double
  /// Values with what is written beside them.
  let ticks: [(value: Double, label: String)]

  /// A scale over all finite values; a logarithmic one over the positive ones.
  init(_ kind: Kind, values: [Double], including: [Double] = []) {
    self.kind = kind
    let usable = (values + including).filter { $0.isFinite && (kind == .linear || $0 > 0) }
    switch kind {
    case .linear:
      var (low, high) = (usable.min() ?? 0, usable.max() ?? 1)
      if high - low < 1e-9 * max(abs(high), 1) { (low, high) = (low - 0.5, high + 0.5) }
      let step = ChartScale.niceStep((high - low) / 4)
      self.low = (low / step).rounded(.down) * step
      self.high = (high / step).rounded(.up) * step
      let count = Int(((self.high - self.low) / step).rounded())
      let start = self.low
      ticks = (0...max(count, 1)).map { index in
        let value = start + Double(index) * step
        return (value, ChartScale.plain(value))
      }
    case .logarithmic:
      var first = Int(log10(usable.min() ?? 1).rounded(.down))
      var last = Int(log10(usable.max() ?? 10).rounded(.up))
      if last == first { (first, last) = (first - 1, last + 1) }
      let step = max((last - first + 4) / 5, 1)
      low = pow(10, Double(first))
      high = pow(10, Double(last))
      ticks = stride(from: first, through: last, by: step).map {
        (pow(10, Double($0)), ChartScale.power($0))
      }
    }
  }

  /// 0 at the low end, 1 at the high one; nil where a value has no place.
  func position(_ value: Double) -> Double? {
    switch kind {
    case .linear:
      return value.isFinite ? (value - low) / (high - low) : nil
    case .logarithmic:
      guard value > 0, value.isFinite else { return nil }
      return log10(value / low) / log10(high / low)
    }
  }

  /// 1, 2 or 5 times a power of ten, at least `raw`.
  private static func niceStep(_ raw: Double) -> Double {
    let power = pow(10, log10(max(raw, 1e-300)).rounded(.down))
    return power * ([1, 2, 5].first { $0 * power >= raw * 0.999 } ?? 10)
  }

  /// Up to three decimals, thousands apart.
  private static func plain(_ value: Double) -> String {
    let rounded = (value * 1000).rounded() / 1000
    guard let whole = Int(exactly: rounded) else { return "\(rounded)" }
    let digits = String(abs(whole))
    guard digits.count > 4 else { return (whole < 0 ? "−" : "") + digits }
    return (whole < 0 ? "−" : "") + digits.dropLast(3) + "\u{2009}" + digits.suffix(3)
  }

  /// Such as 10⁻⁴.
  static func power(_ exponent: Int) -> String {
    let superscripts = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
    let digits = String(abs(exponent)).compactMap(\.wholeNumberValue).map { superscripts[$0] }
    return "10" + (exponent < 0 ? "⁻" : "") + String(digits)
  }
}

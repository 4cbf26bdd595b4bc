import Foundation

/// How long work will go on, as far as it is known.
enum TimeLeft {
  case unknown
  /// By what came before.
  case about(Double)
  /// By a limit.
  case atMost(Double)

  /// For instance "ETA 0:35" or "at most 2:05"; empty where nothing is known.
  var text: String {
    switch self {
    case .about(let seconds) where seconds.isFinite: "ETA \(TimeLeft.clock(seconds))"
    case .atMost(let seconds) where seconds.isFinite: "at most \(TimeLeft.clock(seconds))"
    case .unknown, .about, .atMost: ""
    }
  }

  /// A duration as minutes and seconds, such as "2:05".
  static func clock(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 360_000 else { return "-:--" }
    let total = Int(max(seconds, 0).rounded(.up))
    let (hours, minutes) = (total / 3600, total / 60 % 60)
    let tail = String(format: "%02d", total % 60)
    return hours > 0 ? "\(hours):" + String(format: "%02d:", minutes) + tail : "\(minutes):\(tail)"
  }
}

/// A line of progress: parts, of which the less important are left out where the line is short.
struct ProgressText {
  private var parts: [(text: String, importance: Int)] = []

  /// - Parameter importance: parts with the least go first.
  mutating func add(_ text: String, importance: Int) {
    if !text.isEmpty { parts.append((text, importance)) }
  }

  /// A bar, in terminals; `share` is what is done, nil where that is not known.
  mutating func addBar(_ share: Double?, importance: Int) {
    guard let share, share.isFinite, Terminal.isInteractive else { return }
    add(ProgressText.bar(share, isUnicode: Terminal.isUnicode), importance: importance)
  }

  static func bar(_ share: Double, isUnicode: Bool) -> String {
    let filled = Int((min(max(share, 0), 1) * Double(barWidth)).rounded(.down))
    let (done, open) = isUnicode ? ("━", "┄") : ("#", "-")
    return String(repeating: done, count: filled)
      + String(repeating: open, count: barWidth - filled)
  }

  private static let barWidth = 10

  /// The line for standard error.
  var line: String { line(width: Terminal.width(of: STDERR_FILENO) - 1) }

  func line(width: Int) -> String {
    var kept = parts
    func length() -> Int { kept.reduce(0) { $0 + $1.text.count } + 2 * max(kept.count - 1, 0) }
    while length() > width, kept.count > 1,
      let least = kept.indices.min(by: { kept[$0].importance < kept[$1].importance })
    {
      kept.remove(at: least)
    }
    return kept.map(\.text).joined(separator: "  ")
  }
}

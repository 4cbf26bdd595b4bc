import Foundation

/// The day of a report, in Coordinated Universal Time.
public struct ReportDate: Sendable, Equatable, CustomStringConvertible {
  /// Of the Gregorian calendar.
  public let year: Int
  /// From 1.
  public let month: Int
  /// From 1.
  public let day: Int

  private static var calendar: Calendar {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    return calendar
  }

  /// Reads "2026-11-28"; nil for anything else, and for days that there are not.
  public init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.map(\.utf8.count) == [4, 2, 2],
      text.utf8.allSatisfy({ $0 == 0x2D || (0x30...0x39).contains($0) }),
      let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2])
    else { return nil }
    let components = DateComponents(year: year, month: month, day: day)
    guard year >= 1, let date = ReportDate.calendar.date(from: components) else { return nil }
    self.init(date)
    guard (self.year, self.month, self.day) == (year, month, day) else { return nil }
  }

  /// The day that a moment is in.
  public init(_ date: Date) {
    let parts = ReportDate.calendar.dateComponents([.year, .month, .day], from: date)
    (year, month, day) = (parts.year ?? 1970, parts.month ?? 1, parts.day ?? 1)
  }

  /// The day of seconds since 1970, as `SOURCE_DATE_EPOCH` gives them
  /// (https://reproducible-builds.org/specs/source-date-epoch); nil for anything else, and beyond the year 9999.
  public init?(epoch text: String) {
    guard let seconds = Int(text), (0...253_402_300_799).contains(seconds) else { return nil }
    self.init(Date(timeIntervalSince1970: Double(seconds)))
  }

  /// Such as "28 November 2026".
  public var description: String {
    let names = [
      "January", "February", "March", "April", "May", "June", "July", "August", "September",
      "October", "November", "December",
    ]
    return "\(day) \(names[min(max(month, 1), 12) - 1]) \(year)"
  }

  /// Such as "20261128".
  var digits: String { String(format: "%04d%02d%02d", year, month, day) }
}

import Foundation
import Testing

/// A line of the goldens; see scripts/fixtures/privacy.py.
struct AccountingGolden {
  let noise: Double
  let rate: Double
  let steps: Int
  let delta: Double
  let opacus: Double
  /// Opacus' best order; 63 is the last of its list.
  let order: Double
  let dpAccounting: Double
  /// By Opacus' formulas, at the same orders.
  let sameOrders: Double
  /// By dp-accounting's distributions of the privacy loss, where they were asked.
  let tight: Double?

  static func all() throws -> [AccountingGolden] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent()
    return try String(
      contentsOf: folder.appendingPathComponent("Fixtures/privacy/accounting.csv"), encoding: .utf8
    )
    .split(separator: "\n").dropFirst().map { line in
      let numbers = line.split(separator: ",").compactMap { Double($0) }
      try #require(numbers.count == 8 || numbers.count == 9)
      return AccountingGolden(
        noise: numbers[0], rate: numbers[1], steps: Int(numbers[2]), delta: numbers[3],
        opacus: numbers[4], order: numbers[5], dpAccounting: numbers[6],
        sameOrders: numbers[7], tight: numbers.count == 9 ? numbers[8] : nil)
    }
  }
}

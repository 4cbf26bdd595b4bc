import ArgumentParser
import Foundation

/// Refuses a number outside its range in one sentence.
func check(_ option: String, _ value: Int, _ range: ClosedRange<Int>) throws {
  guard range.contains(value) else {
    throw ValidationError(
      "\(option) is \(value); give a number from \(range.lowerBound) to \(range.upperBound).")
  }
}

/// Refuses a number that is not above 0, or is above `most`, in one sentence; nil is no number.
///
/// - Parameter allowsZero: whether 0 will do.
func check(
  _ option: String, _ value: Double?, atMost most: Double = 1e12, allowsZero: Bool = false
) throws {
  guard let value else { return }
  guard value > 0 || (allowsZero && value == 0), value <= most else {
    throw ValidationError(
      "\(option) is \(value); give a number \(allowsZero ? "of 0 or more" : "above 0"), at most \(shortest(most))."
    )
  }
}

/// A number without a fraction that is 0.
private func shortest(_ number: Double) -> String {
  number == number.rounded() && abs(number) < 1e6 ? String(Int(number)) : "\(number)"
}

/// Numbers separated by commas.
func numbers(_ text: String, of option: String) throws -> [Double] {
  try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
    let part = part.trimmingCharacters(in: .whitespaces)
    guard let number = Double(part), number.isFinite else {
      throw ValidationError(
        "\(option) has \(part.quotedForMessage); give numbers separated by commas.")
    }
    return number
  }
}

/// Whole numbers separated by commas.
///
/// - Parameter kind: what they are, for the message.
func wholeNumbers(
  _ text: String, of option: String, _ range: ClosedRange<Int>, kind: String = "whole numbers"
) throws -> [Int] {
  try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
    let part = part.trimmingCharacters(in: .whitespaces)
    guard let number = Int(part), range.contains(number) else {
      throw ValidationError(
        "\(option) has \(part.quotedForMessage); give \(kind) from \(range.lowerBound) to "
          + "\(range.upperBound), separated by commas.")
    }
    return number
  }
}

/// Class numbers separated by commas.
func classNumbers(_ text: String, of option: String, classCount: Int) throws -> [Int] {
  try wholeNumbers(text, of: option, 0...classCount - 1, kind: "class numbers")
}

import Foundation
import ModelIO

/// What stands in a cell, as its column's kind reads it.
package enum CellValue: Sendable, Hashable {
  case missing
  case number(Double)
  /// The place among the column's words.
  case word(Int)
}

extension TableSchema.Column {
  /// What a cell's text says; nil with a reason where it says nothing of the column's kind.
  ///
  /// - Returns: the value, or what is wrong with the text and what to write instead.
  package func read(_ text: String) -> Result<CellValue, CellProblem> {
    if text.isEmpty {
      return mayBeMissing
        ? .success(.missing)
        : .failure(
          CellProblem(
            "is empty", "fill it, or say that cells of the column may be missing in the schema"))
    }
    switch kind {
    case .ignored: return .success(.missing)
    case .ordinal(let values), .categorical(let values):
      guard let place = values.firstIndex(of: text) else {
        return .failure(
          CellProblem(
            "is \(text.quotedForMessage), which is none of the \(values.count) values that the schema knows",
            "correct it, or add it to the schema"))
      }
      return .success(.word(place))
    case .continuous, .integer:
      return number(text)
    }
  }

  private func number(_ text: String) -> Result<CellValue, CellProblem> {
    guard let number = plainNumber(text) else {
      let what =
        isDate(text)
        ? "is the date \(text.quotedForMessage)" : "is \(text.quotedForMessage), which is no number"
      return .failure(
        CellProblem(
          what,
          isDate(text)
            ? "write dates as numbers, such as days since a first one, or ignore the column"
            : "write a number with a point for decimals, or leave the cell empty where it is missing"
        ))
    }
    if case .integer = kind, number != number.rounded() || abs(number) > 9e15 {
      return .failure(
        CellProblem("is \(text), and the column is of whole numbers", "correct cell or schema"))
    }
    if let bounds = kind.bounds, !bounds.contains(number) {
      return .failure(
        CellProblem(
          "is \(text), outside of the column's bounds \(plainText(bounds.lowerBound)) to "
            + plainText(bounds.upperBound), "correct cell or schema"))
    }
    return .success(.number(number))
  }

  /// A value as text, as a file of the table has it.
  package func text(_ value: CellValue) -> String {
    switch value {
    case .missing: ""
    case .number(let number): plainText(number)
    case .word(let place): kind.values?[place] ?? ""
    }
  }

  /// Whether two values are the same: words and whole numbers equal, others equal in the decimals that the column has, or
  /// to a millionth of its bounds where it has no fixed number of them.
  package func areEqual(_ left: CellValue, _ right: CellValue) -> Bool {
    guard case .number(let first) = left, case .number(let second) = right else {
      return left == right
    }
    switch kind {
    case .continuous(_, let decimals?):
      return abs(first - second) < 0.25 * pow(10, -Double(decimals))
    case .continuous(let bounds, nil):
      return abs(first - second) <= 1e-6 * max(bounds.upperBound - bounds.lowerBound, 1e-300)
    case .integer, .ordinal, .categorical, .ignored: return first == second
    }
  }
}

/// What is wrong with a cell.
package struct CellProblem: Error, Equatable {
  /// Without the place: "is 7, outside of ...".
  package let problem: String
  /// What to do about it.
  package let remedy: String

  package init(_ problem: String, _ remedy: String) {
    (self.problem, self.remedy) = (problem, remedy)
  }
}

/// A decimal number as tables have it: finite, without blanks and other spellings such as 0x10 or NaN.
func plainNumber(_ text: String) -> Double? {
  guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }),
    let number = Double(text), number.isFinite
  else { return nil }
  return number
}

/// A number in its shortest form, whole ones without a point.
func plainText(_ number: Double) -> String {
  number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : "\(number)"
}

/// Whether a text looks like a date, such as 2024-03-01, 1/3/2024 or 01.03.24.
func isDate(_ text: String) -> Bool {
  for separator in ["-", "/", "."] as [Character] {
    let day = text.prefix { $0 != " " && $0 != "T" }
    let parts = day.split(separator: separator, omittingEmptySubsequences: false)
    if parts.count == 3, parts.allSatisfy({ (1...4).contains($0.count) && Int($0) != nil }) {
      return true
    }
  }
  return false
}

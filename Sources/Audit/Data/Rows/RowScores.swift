import Foundation
import Solvers
import TensorGraph

/// Compares rows that came back with the private ones, and with guesses.
struct RowScores {
  private let table: LoadedTable
  private let truth: [PrivateRow]
  private let found: [[CellValue]]
  private let restarts: [[[CellValue]]]
  private let seed: UInt64
  private let name: String
  private let marginals: TableMarginals

  /// - Parameters:
  ///   - truth: empty where it is not known.
  ///   - found: in any order.
  ///   - restarts: what each start of a search came to without the label, in the order of `found`; empty for none.
  ///   - name: for rows whose truth is not known.
  init(
    _ table: LoadedTable, truth: [PrivateRow], found: [[CellValue]],
    restarts: [[[CellValue]]] = [], seed: UInt64, name: String
  ) {
    (self.table, self.truth, self.found, self.seed, self.name) = (table, truth, found, seed, name)
    self.restarts = restarts
    marginals = TableMarginals(table)
  }

  /// One for each private row, or for each that was found where they are not known.
  func examples() -> [ExampleResult] {
    guard !truth.isEmpty else {
      return found.enumerated().map { index, row in
        var example = ExampleResult(name: "\(name)-\(index + 1)", recovered: words(row))
        example.cells = cells(nil, row, index)
        example.recoveredLabel = label(row)
        return example
      }
    }
    var source = RandomSource(seed: seed).derive(label: "baseline")
    let originals = truth.map(\.values)
    let order = assignment(of: found, to: originals)
    let drawn = originals.map { _ in marginals.draw(using: &source) }
    let drawnOrder = assignment(of: drawn, to: originals)
    return truth.indices.map { index in
      example(
        truth[index], order[index],
        guesses: [
          ("modes and medians", marginals.centre),
          ("random draws", drawnOrder[index].map { drawn[$0] } ?? marginals.centre),
        ])
    }
  }

  private func example(
    _ truth: PrivateRow, _ place: Int?, guesses: [(name: String, row: [CellValue])]
  ) -> ExampleResult {
    let original = truth.values
    let row = place.map { found[$0] }
    let measures = measures(row ?? [], original)
    let baselines = guesses.map { guess in
      let measures = self.measures(guess.row, original)
      return ExampleResult.Guess(
        name: guess.name, score: measures["cells"] ?? 0, measures: measures)
    }
    var example = ExampleResult(
      name: truth.name, original: words(original), recovered: row.map(words) ?? "",
      score: measures["cells"] ?? 0, measures: measures, baselines: baselines)
    example.fingerprint = Fingerprint.of([
      ("row", Tensor([table.encoding.width], .f64(table.encoding.inputs(original.dropLast()))))
    ])
    example.cells = place.map { cells(original, found[$0], $0) }
    example.trueLabel = label(original)
    example.recoveredLabel = row.flatMap(label)
    example.level = level(example)
    return example
  }

  private func level(_ example: ExampleResult) -> LeakLevel {
    if example.measure("exact") == 1 { return .full }
    let guess = example.baselines.map(\.score.value).max() ?? 0
    if example.score >= LeakThreshold.recognisableCells,
      example.score >= guess + LeakThreshold.marginOverGuessedCells
    {
      return .recognisable
    }
    return example.isLabelRight == true ? .label : .nothing
  }

  // MARK: - Measures

  /// TabLeak counts a number as right within this many standard deviations (Vero et al. 2023, arXiv 2210.01785).
  private static let nearDeviations = 0.319

  /// Shares of cells that are right, all and by the kind of their columns; of all that are right or near in TabLeak's sense;
  /// and whether the whole row is exact.
  private func measures(_ row: [CellValue], _ original: [CellValue]) -> [String: Double] {
    guard row.count == original.count else { return ["cells": 0, "near": 0, "exact": 0] }
    var right: [String: [Bool]] = [:]
    var near: [Bool] = []
    for (place, column) in table.columns.enumerated() {
      let isRight = column.areEqual(row[place], original[place])
      right["cells", default: []].append(isRight)
      right[column.kind.name, default: []].append(isRight)
      var isNear = isRight
      if case .number(let found) = row[place], case .number(let number) = original[place] {
        isNear =
          abs(found - number) <= RowScores.nearDeviations * marginals.deviations[place]
      }
      near.append(isNear || isRight)
    }
    var result = right.mapValues { Double($0.count { $0 }) / Double($0.count) }
    result["near"] = Double(near.count { $0 }) / Double(near.count)
    result["exact"] = result["cells"] == 1 ? 1 : 0
    if let label = table.columns.last {
      result["label"] = label.areEqual(row[row.count - 1], original[row.count - 1]) ? 1 : 0
    }
    return result
  }

  /// For each original the row that stands for it, as few cells as possible wrong in all.
  private func assignment(of rows: [[CellValue]], to originals: [[CellValue]]) -> [Int?] {
    let count = max(rows.count, originals.count)
    let cost = (0..<count).map { original in
      (0..<count).map { row -> Double in
        guard originals.indices.contains(original), rows.indices.contains(row) else { return 0 }
        return distance(rows[row], originals[original])
      }
    }
    let columns = minimumCostAssignment(cost)
    return originals.indices.map { rows.indices.contains(columns[$0]) ? columns[$0] : nil }
  }

  /// Cells that differ, then how far numbers are from each other.
  private func distance(_ left: [CellValue], _ right: [CellValue]) -> Double {
    var result = 0.0
    for (place, column) in table.columns.enumerated()
    where !column.areEqual(left[place], right[place]) {
      result += 1
      if case .number(let first) = left[place], case .number(let second) = right[place] {
        result += 0.01 * min(abs(first - second) / max(marginals.deviations[place], 1e-300), 10)
      }
    }
    return result
  }

  // MARK: - Words

  private func words(_ row: [CellValue]) -> String {
    zip(table.columns, row).map { column, value in
      "\(column.name) \(value == .missing ? "–" : column.text(value))"
    }.joined(separator: ", ")
  }

  private func cells(
    _ original: [CellValue]?, _ row: [CellValue], _ number: Int
  ) -> [ExampleCell] {
    table.columns.enumerated().map { place, column in
      var cell = ExampleCell(
        column: column.name, original: original.map { column.text($0[place]) },
        recovered: column.text(row[place]),
        isRight: original.map { column.areEqual(row[place], $0[place]) })
      // The label is counted before any start.
      if restarts.count > 1, place < table.encoding.columns.count {
        let same = restarts.count { agree($0[number][place], row[place], place) }
        cell.agreement = Double(same) / Double(restarts.count)
      }
      return cell
    }
  }

  /// Whether two starts came to the same: words equal, numbers near each other.
  private func agree(_ left: CellValue, _ right: CellValue, _ place: Int) -> Bool {
    guard case .number(let first) = left, case .number(let second) = right else {
      return left == right
    }
    return abs(first - second) <= RowScores.nearDeviations * marginals.deviations[place]
  }

  private func label(_ row: [CellValue]) -> ExampleLabel? {
    guard let column = table.columns.last, let value = row.last else { return nil }
    return ExampleLabel(column.text(value))
  }
}

/// What a table tells of its columns one by one: all that an attacker without the update could guess from.
struct TableMarginals {
  /// The mode of words and the median of numbers, missing where most cells are.
  let centre: [CellValue]
  /// Standard deviations of numbers; 0 of words.
  let deviations: [Double]
  private let rows: [[CellValue]]

  init(_ table: LoadedTable) {
    rows = table.rows
    var (centre, deviations) = ([CellValue](), [Double]())
    for (place, column) in table.columns.enumerated() {
      let values = table.rows.map { $0[place] }
      let numbers = values.compactMap { if case .number(let number) = $0 { number } else { nil } }
      deviations.append(TableMarginals.deviation(numbers))
      if column.kind.values == nil, 2 * numbers.count > values.count {
        let median = numbers.sorted()[numbers.count / 2]
        centre.append(.number(median))
      } else {
        let counts = Dictionary(grouping: values, by: \.self).mapValues(\.count)
        let most = counts.values.max() ?? 0
        centre.append(values.first { counts[$0] == most } ?? .missing)
      }
    }
    (self.centre, self.deviations) = (centre, deviations)
  }

  private static func deviation(_ numbers: [Double]) -> Double {
    guard !numbers.isEmpty else { return 0 }
    let mean = numbers.reduce(0, +) / Double(numbers.count)
    return (numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(numbers.count))
      .squareRoot()
  }

  /// A row whose cells are drawn from the columns one by one.
  func draw(using source: inout RandomSource) -> [CellValue] {
    guard !rows.isEmpty else { return centre }
    return centre.indices.map { rows[source.integer(below: rows.count)][$0] }
  }
}

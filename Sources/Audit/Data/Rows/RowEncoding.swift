import Clients
import Foundation

/// Rows as a model's inputs, and inputs as rows again.
///
/// Numbers are scaled as their column says, words in an order are their place mapped to 0...1, words in no order one input
/// each, of which one is 1. Where cells may be missing there is one more input, 1 for a missing cell, whose number is 0.
package struct RowEncoding: Sendable {
  /// The columns that are encoded, in order.
  package let columns: [TableSchema.Column]
  /// Where the inputs of each column are.
  package let ranges: [Range<Int>]
  /// Number of inputs.
  package let width: Int

  package init(_ columns: [TableSchema.Column]) {
    self.columns = columns
    var (start, ranges) = (0, [Range<Int>]())
    for column in columns {
      ranges.append(start..<start + column.inputCount)
      start += column.inputCount
    }
    (self.ranges, width) = (ranges, start)
  }

  /// The inputs of each column of words in no order, of which one is 1.
  package var wordBlocks: [Range<Int>] {
    zip(columns, ranges).compactMap { column, range in
      if case .categorical = column.kind { range } else { nil }
    }
  }

  /// The same for whoever seeks inputs: which are choices, and between which bounds the others lie.
  package var structure: InputStructure {
    InputStructure(
      zip(columns, ranges).flatMap { column, range -> [InputStructure.Part] in
        if case .categorical = column.kind { return [.choice(range)] }
        let number = InputStructure.Part.number(
          range.lowerBound, column.inputBounds, grid: column.inputGrid)
        let mark = InputStructure.Grid(origin: 0, step: 1)
        return range.count == 1
          ? [number] : [number, .number(range.lowerBound + 1, 0...1, grid: mark)]
      })
  }

  /// The inputs of a row.
  ///
  /// - Parameter values: one for each column.
  package func inputs(_ values: [CellValue]) -> [Double] {
    zip(columns, values).flatMap { $0.inputs($1) }
  }

  /// The row whose inputs are nearest: words are those of the largest input of their block, whole numbers are rounded, others
  /// rounded to the decimals that their column has; numbers stay within bounds.
  ///
  /// - Parameter inputs: as many as ``width``.
  package func snapped(_ inputs: [Double]) -> [CellValue] {
    zip(columns, ranges).map { $0.snapped(Array(inputs[$1])) }
  }
}

extension TableSchema.Column {
  /// Inputs that a cell makes.
  package var inputCount: Int {
    switch kind {
    case .continuous, .integer, .ordinal: mayBeMissing ? 2 : 1
    case .categorical(let values): values.count + (mayBeMissing ? 1 : 0)
    case .ignored: 0
    }
  }

  fileprivate func inputs(_ value: CellValue) -> [Double] {
    if case .categorical = kind {
      let place: Int =
        if case .word(let place) = value { place } else { inputCount - 1 }
      return (0..<inputCount).map { $0 == place ? 1 : 0 }
    }
    let number: Double =
      switch value {
      case .missing: 0
      case .number(let number): scaled(number)
      case .word(let place): Double(place) / Double(max((kind.values?.count ?? 1) - 1, 1))
      }
    guard mayBeMissing else { return [number] }
    return [number, value == .missing ? 1 : 0]
  }

  fileprivate func snapped(_ inputs: [Double]) -> CellValue {
    // What diverged is no number; any value of the column stands for it.
    let inputs = inputs.map { $0.isFinite ? $0 : 0 }
    if case .categorical(let values) = kind {
      let place = inputs.indices.max { inputs[$0] < inputs[$1] } ?? 0
      return place < values.count ? .word(place) : .missing
    }
    if mayBeMissing, inputs[1] > 0.5 { return .missing }
    switch kind {
    case .ordinal(let values):
      let place = (inputs[0] * Double(max(values.count - 1, 1))).rounded()
      return .word(Int(min(max(place, 0), Double(values.count - 1))))
    case .integer(let bounds):
      let number = unscaled(inputs[0]).rounded()
      return .number(min(max(number, Double(bounds.lowerBound)), Double(bounds.upperBound)))
    case .continuous(let bounds, let decimals):
      return .number(
        min(max(rounded(unscaled(inputs[0]), decimals), bounds.lowerBound), bounds.upperBound))
    case .categorical, .ignored: return .missing
    }
  }

  /// The number as the table's file would be read.
  private func rounded(_ number: Double, _ decimals: Int?) -> Double {
    guard let decimals, abs(number) < 1e15 else { return number }
    return Double(String(format: "%.\(decimals)f", number)) ?? number
  }

  /// A number of the column as the model gets it.
  package func scaled(_ number: Double) -> Double {
    switch scaling {
    case .none: number
    case .standard(let mean, let deviation): (number - mean) / deviation
    case .minimumMaximum: (number - lowest) / width
    }
  }

  /// The number that a model's input stands for.
  package func unscaled(_ input: Double) -> Double {
    switch scaling {
    case .none: input
    case .standard(let mean, let deviation): input * deviation + mean
    case .minimumMaximum: input * width + lowest
    }
  }

  /// Between which numbers a model's input lies that is no choice; a missing cell's is 0.
  fileprivate var inputBounds: ClosedRange<Double> {
    guard let bounds = kind.bounds else { return 0...1 }
    let (low, high) = (scaled(bounds.lowerBound), scaled(bounds.upperBound))
    return mayBeMissing ? min(low, 0)...max(high, 0) : low...high
  }

  /// The numbers that a model's input can be, where its column's are apart.
  fileprivate var inputGrid: InputStructure.Grid? {
    if case .ordinal(let values) = kind {
      return values.count > 1
        ? InputStructure.Grid(origin: 0, step: 1 / Double(values.count - 1)) : nil
    }
    guard let bounds = kind.bounds, let smallestStep else { return nil }
    let origin = scaled(bounds.lowerBound)
    let step = scaled(bounds.lowerBound + smallestStep) - origin
    return step > 0 ? InputStructure.Grid(origin: origin, step: step) : nil
  }

  private var lowest: Double { kind.bounds?.lowerBound ?? 0 }
  private var width: Double {
    let bounds = kind.bounds ?? 0...1
    return bounds.upperBound > bounds.lowerBound ? bounds.upperBound - bounds.lowerBound : 1
  }
}

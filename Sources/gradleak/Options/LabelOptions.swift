import ArgumentParser
import Leakage
import ModelIO
import TensorGraph

/// Labels on the command line: class numbers, or what a loss takes in their place.
struct LabelArguments {
  let labels: [Int]
  /// The client's loss, with what the labels stand for where they are no classes.
  let loss: ClientLoss

  /// Reads labels such as `3,7`; for `--loss bce` 0 and 1 of one output, and sets of several, such as
  /// `0+3,2,none`; for `--loss mse` also numbers, such as `0.5,1.2`, and `0.5:1.2` for two outputs.
  ///
  /// - Throws: ``ValidationError`` when an entry is none of these.
  init(_ text: String, of option: String, for model: Model, _ loss: ClientLoss) throws {
    let entries = text.split(separator: ",", omittingEmptySubsequences: false).map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    let count = loss.labelCount(classCount: model.classCount)
    if entries.allSatisfy({ Int($0).map { (0..<count).contains($0) } ?? false })
      || loss.kind == .crossEntropy
    {
      labels = try wholeNumbers(text, of: option, 0...count - 1, kind: "class numbers")
      self.loss = loss
      return
    }
    let rows = try entries.map {
      try LabelArguments.targets($0, of: option, outputs: model.classCount, loss.kind)
    }
    var distinct: [[Double]] = []
    labels = rows.map { row in
      if let known = distinct.firstIndex(of: row) { return known }
      distinct.append(row)
      return distinct.count - 1
    }
    self.loss = loss.with(targets: try TargetTable(distinct))
  }

  private static func targets(
    _ entry: String, of option: String, outputs: Int, _ kind: ClientLoss.Kind
  ) throws -> [Double] {
    if outputs > 1, let classes = classes(entry, outputs: outputs) {
      return (0..<outputs).map { classes.contains($0) ? 1 : 0 }
    }
    let numbers = entry.split(separator: ":", omittingEmptySubsequences: false).map { Double($0) }
    let values = numbers.compactMap { $0 }.filter(\.isFinite)
    let isWithin = kind != .binaryCrossEntropy || values.allSatisfy { (0...1).contains($0) }
    guard values.count == outputs, numbers.count == outputs, isWithin else {
      let form =
        switch (kind, outputs) {
        case (.binaryCrossEntropy, 1): "0 or 1"
        case (.binaryCrossEntropy, _):
          "class numbers from 0 to \(outputs - 1), several of one example joined by +, such as 0+3, or none"
        case (_, 1): "numbers, such as 0.5"
        default: "class numbers from 0 to \(outputs - 1), or \(outputs) numbers joined by colons"
        }
      throw ValidationError(
        "\(option) has \(entry.quotedForMessage); give \(form), separated by commas.")
    }
    return values
  }

  /// The classes of "0+3" or "none"; nil for other texts.
  private static func classes(_ entry: String, outputs: Int) -> Set<Int>? {
    if entry == "none" { return [] }
    var classes: Set<Int> = []
    for part in entry.split(separator: "+", omittingEmptySubsequences: false) {
      guard let number = Int(part), (0..<outputs).contains(number) else { return nil }
      classes.insert(number)
    }
    return classes
  }
}

import Clients
import ModelIO
import TensorGraph

/// Which loss a client's gradient is of.
public struct LossChoice: Codable, Hashable, Sendable {
  /// Cross entropy, squared error or binary cross entropy.
  public var kind = ClientLoss.Kind.crossEntropy
  /// How one number is made of a batch's losses.
  public var reduction = LossReduction.mean
  /// Of cross entropy, 0 ..< 1.
  public var labelSmoothing = 0.0
  /// Of cross entropy, one for each class; nil for 1 each.
  public var classWeights: [Double]?
  /// A factor on the loss.
  public var scale = 1.0
  /// Whether the client applied its loss to the values of the softmax or sigmoid that the model's file ends
  /// in, not to what goes into it.
  public var keepsSoftmax = false

  /// Mean cross entropy.
  public init() {}

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case kind, reduction, labelSmoothing, classWeights, scale, keepsSoftmax
  }

  /// Reads it from a file.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    kind = try container.choice(.kind, or: kind)
    reduction = try container.choice(.reduction, or: reduction)
    labelSmoothing = try container.value(.labelSmoothing, or: labelSmoothing)
    classWeights = try container.value(.classWeights)
    scale = try container.value(.scale, or: scale)
    keepsSoftmax = try container.value(.keepsSoftmax, or: keepsSoftmax)
  }

  /// The loss on any model.
  ///
  /// - Throws: `AttackError` when a number is out of range or members do not go together.
  public func clientLoss() throws(AttackError) -> ClientLoss {
    try ClientLoss(
      kind, reduction: reduction, labelSmoothing: labelSmoothing, classWeights: classWeights,
      scale: scale)
  }

  /// The loss on a model, whose ending belongs to it where it was kept; always for a squared error, which is
  /// that of the model's output.
  ///
  /// - Throws: ``ExperimentError`` when the model ends in no such function; ``AttackError`` when the loss does
  ///   not fit the model.
  package func clientLoss(of selected: SelectedModel) throws -> ClientLoss {
    var loss = try clientLoss()
    if keepsSoftmax, selected.ending == nil {
      throw ExperimentError(
        "loss.keepsSoftmax",
        "is for models whose file ends in a softmax or sigmoid, and \(selected.model.name) does not; "
          + "leave it out")
    }
    if keepsSoftmax || loss.kind == .meanSquaredError { loss = loss.after(selected.ending) }
    try loss.check(classCount: selected.model.classCount)
    return loss
  }
}

extension ClientLoss {
  /// The labels of examples, and the loss with what they stand for where they are no classes.
  ///
  /// - Throws: ``ExperimentError`` when an entry fits neither the loss nor the number of outputs.
  public func labels(
    _ entries: [ExampleLabel], classCount: Int
  ) throws -> (labels: [Int], loss: ClientLoss) {
    let count = labelCount(classCount: classCount)
    let numbers = entries.map { Int($0.text) }
    let classes = numbers.compactMap { $0 }.filter((0..<count).contains)
    if classes.count == entries.count { return (classes, self) }
    guard kind != .crossEntropy else {
      let wrong = zip(entries, numbers).first { $1.map { !(0..<count).contains($0) } ?? true }
      throw ExperimentError(
        "data.labels",
        "has \((wrong?.0.text ?? "").quotedForMessage); give class numbers from 0 to \(count - 1), separated "
          + "by commas")
    }
    let rows = try entries.map { try targets($0.text, outputs: classCount) }
    var distinct: [[Double]] = []
    let labels = rows.map { row in
      if let known = distinct.firstIndex(of: row) { return known }
      distinct.append(row)
      return distinct.count - 1
    }
    return (labels, with(targets: try TargetTable(distinct)))
  }

  private func targets(_ entry: String, outputs: Int) throws(ExperimentError) -> [Double] {
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
      throw ExperimentError(
        "data.labels", "has \(entry.quotedForMessage); give \(form), separated by commas")
    }
    return values
  }

  /// The classes of "0+3" or "none"; nil for other texts.
  private func classes(_ entry: String, outputs: Int) -> Set<Int>? {
    if entry == "none" { return [] }
    var classes: Set<Int> = []
    for part in entry.split(separator: "+", omittingEmptySubsequences: false) {
      guard let number = Int(part), (0..<outputs).contains(number) else { return nil }
      classes.insert(number)
    }
    return classes
  }
}

import TensorGraph

/// Looks for weights that a malicious server planted to read data off gradients.
///
/// Each check looks at a tensor by its values alone, so that weights from any format will do. What is
/// found is no proof of intent, and nothing found is no proof of honesty: a server can hide the same
/// trick better than the papers do.
public enum PlantedWeightCheck {
  /// What was found in one tensor.
  public struct Finding: Codable, Sendable, Equatable {
    public enum Kind: String, Codable, Sendable, CaseIterable {
      /// Many rows are multiples of one another, and their biases differ: the imprint block of Fowl et
      /// al. 2022, which sorts images into bins.
      case imprint
      /// Rows whose negative weights are their positive ones, scaled: the trap weights of Boenisch et
      /// al. 2021.
      case trapWeights = "trap weights"
      /// All classes but one have no weight, or one has far more than all others: the class fishing of
      /// Wen et al. 2022.
      case classFishing = "class fishing"
      /// A bias that decides the class whatever the input: gradients of most examples vanish.
      case saturatedBias = "saturated bias"
      /// Infinite or not a number.
      case notFinite = "not finite"
    }

    public let kind: Kind
    /// Name of the tensor.
    public let tensor: String
    /// One sentence for people.
    public let explanation: String
  }

  /// Everything suspicious in a model's tensors, in their order.
  ///
  /// - Parameter tensors: names and values; names tell a layer's bias from its weight
  ///   (`x.weight`, `x.bias`), and nothing else.
  public static func findings(in tensors: [(name: String, tensor: Tensor)]) -> [Finding] {
    let values = tensors.filter { $0.tensor.dtype.isFloatingPoint }
    let biases = Dictionary(values.map { ($0.name, $0.tensor) }) { first, _ in first }
    // A classifier is the last matrix; class fishing changes nothing else.
    let last = values.last { $0.tensor.shape.rank == 2 }?.name
    return values.flatMap { name, tensor -> [Finding] in
      let elements = tensor.doubles
      guard elements.allSatisfy(\.isFinite) else {
        return [
          Finding(
            kind: .notFinite, tensor: name,
            explanation: "\(name) has values that are infinite or not a number.")
        ]
      }
      guard tensor.shape.rank >= 2, tensor.shape[0] >= 2 else { return [] }
      let matrix = WeightRows(elements, count: tensor.shape[0])
      let bias = biases[biasName(of: name)]?.doubles
      var found = [imprint(name, matrix, bias), trap(name, matrix)]
      if name == last { found += [classFishing(name, matrix), saturation(name, matrix, bias)] }
      return found.compactMap { $0 }
    }
  }

  private static func biasName(of weight: String) -> String {
    weight.hasSuffix("weight") ? weight.dropLast("weight".count) + "bias" : weight + ".bias"
  }

  // MARK: - Checks

  /// At least this many parallel rows, and this share of all, are no accident.
  private static let parallelCount = 8
  private static let parallelShare = 0.1

  private static func imprint(_ name: String, _ rows: WeightRows, _ bias: [Double]?) -> Finding? {
    let group = rows.largestParallelGroup()
    guard group.count >= parallelCount,
      Double(group.count) >= parallelShare * Double(rows.count)
    else { return nil }
    let offsets = bias.map { bias in Set(group.map { bias[$0] }).count }
    let what = "\(group.count) of \(rows.count) rows of \(name) point in one direction"
    if let offsets, offsets > group.count / 2 {
      return Finding(
        kind: .imprint, tensor: name,
        explanation: what
          + ", with different biases: differences of their gradients are single images (Robbing the "
          + "Fed, arXiv 2110.13057).")
    }
    return Finding(
      kind: .imprint, tensor: name,
      explanation: what + ": training does not do that, and the gradient of a layer before such a "
        + "one tells images apart (arXiv 2110.13057).")
  }

  private static func trap(_ name: String, _ rows: WeightRows) -> Finding? {
    let ratios = (0..<rows.count).compactMap { rows.mirrorRatio(of: $0) }
    guard ratios.count >= max(2, rows.count / 10) else { return nil }
    let mean = ratios.reduce(0, +) / Double(ratios.count)
    return Finding(
      kind: .trapWeights, tensor: name,
      explanation:
        "In \(ratios.count) of \(rows.count) rows of \(name) the positive weights are the "
        + "negative ones, scaled by \(rounded(mean)): such units fire for hardly any input, and "
        + "their gradients are single images (arXiv 2112.02918).")
  }

  private static func classFishing(_ name: String, _ rows: WeightRows) -> Finding? {
    let norms = (0..<rows.count).map(rows.norm)
    guard let largest = norms.max(), largest > 0, rows.count >= 3 else { return nil }
    let others = norms.filter { $0 < largest }.sorted()
    let median = others.isEmpty ? largest : others[others.count / 2]
    guard largest > 100 * median else { return nil }
    let contrast =
      median > 0
      ? "has weights \(rounded(largest / median)) times as long as the others'"
      : "has weights, and the others' are 0"
    return Finding(
      kind: .classFishing, tensor: name,
      explanation:
        "One class of \(name) \(contrast): the gradient of a batch shrinks to that class's "
        + "examples (arXiv 2202.00580).")
  }

  private static func saturation(
    _ name: String, _ rows: WeightRows, _ bias: [Double]?
  ) -> Finding? {
    guard let bias, let low = bias.min(), let high = bias.max() else { return nil }
    // A probability of e^-50 at input 0; trained classifiers differ by a few units.
    guard high - low > 50, high - low > 5 * (0..<rows.count).map(rows.norm).reduce(0, max) else {
      return nil
    }
    return Finding(
      kind: .saturatedBias, tensor: biasName(of: name),
      explanation:
        "The biases of \(name) differ by \(rounded(high - low)), so that the class hardly "
        + "depends on the input and most examples leave no gradient (arXiv 2202.00580).")
  }

  private static func rounded(_ value: Double) -> String {
    let digits = abs(value) >= 100 ? 1.0 : 1000.0
    let text = (value * digits).rounded() / digits
    return digits == 1 && abs(text) < 1e15 ? String(Int(text)) : String(text)
  }
}

/// A weight as rows: one for each unit or channel.
struct WeightRows {
  let count: Int
  private let elements: [Double]
  private let width: Int

  init(_ elements: [Double], count: Int) {
    self.elements = elements
    self.count = count
    width = elements.count / max(count, 1)
  }

  func norm(of row: Int) -> Double { self[row].reduce(0) { $0 + $1 * $1 }.squareRoot() }

  private subscript(row: Int) -> ArraySlice<Double> {
    elements[row * width..<(row + 1) * width]
  }

  /// The rows that are multiples of one row, for the row of which most are. Rows of zeros, as pruning
  /// leaves them, do not count; nor does a width at which random rows are often nearly parallel.
  func largestParallelGroup() -> [Int] {
    guard width >= 8 else { return [] }
    let norms = (0..<count).map(norm)
    let usable = (0..<count).filter { norms[$0] > 0 }
    guard let first = usable.first else { return [] }
    // A group of a tenth of all rows is met by one of 64 probes but for one time in 800.
    let step = max(usable.count / 64, 1)
    var largest: [Int] = []
    for probe in stride(from: 0, to: usable.count, by: step).map({ usable[$0] }) + [first] {
      if largest.contains(probe) { continue }
      let group = usable.filter { row in
        let product = zip(self[probe], self[row]).reduce(0) { $0 + $1.0 * $1.1 }
        return abs(product) > (1 - 1e-7) * norms[probe] * norms[row]
      }
      if group.count > largest.count { largest = group }
    }
    return largest
  }

  /// Positive by negative weights where, sorted by size, they are in one proportion; nil where not.
  func mirrorRatio(of row: Int) -> Double? {
    let values = self[row]
    let positive = values.filter { $0 > 0 }.sorted()
    let negative = values.filter { $0 < 0 }.map { -$0 }.sorted()
    guard positive.count >= 8, positive.count == negative.count else { return nil }
    let ratio = positive.reduce(0, +) / negative.reduce(0, +)
    let deviates = zip(positive, negative).contains { abs($0 - ratio * $1) > 1e-4 * ratio * $1 }
    return deviates ? nil : ratio
  }
}

/// Finds the trap weights of Boenisch et al. 2021 (arXiv 2112.02918).
enum TrapChecks {
  typealias Finding = PlantedWeightCheck.Finding

  private static let source = "their gradients are single images (arXiv 2112.02918)"

  /// Rows whose negative weights are their positive ones, scaled: exactly, or so nearly that the sums
  /// of all rows agree far better than those of random ones.
  static func byShape(_ layer: WeightLayer) -> Finding? {
    let rows = layer.rows
    let ratios = (0..<rows.count).compactMap { rows.mirrorRatio(of: $0) }
    if ratios.count >= max(2, rows.count / 10) {
      let mean = ratios.reduce(0, +) / Double(ratios.count)
      return Finding(
        kind: .trapWeights, tensor: layer.name,
        explanation:
          "In \(ratios.count) of \(rows.count) rows of \(layer.name) the positive weights are the "
          + "negative ones, scaled by \(readable(mean)): such units fire for hardly any input, and "
          + "\(source).")
    }
    return balanced(layer)
  }

  /// Rows are compared by Σw / Σ|w|, in units of what it scatters by when signs are random.
  private static func balanced(_ layer: WeightLayer) -> Finding? {
    let rows = layer.rows
    guard rows.width >= 32 else { return nil }
    var scores: [Double] = []
    for row in 0..<rows.count {
      let norm = rows.norm(of: row)
      if norm > 0 { scores.append(rows.sum(of: row) / norm) }
    }
    guard scores.count >= leastUnits else { return nil }
    scores.sort()
    // Middle half, so that rows which were not planted do not hide the others: of a normal
    // distribution it is 1.35 deviations wide.
    let low = scores[scores.count / 4]
    let high = scores[scores.count * 3 / 4]
    let median = scores[scores.count / 2]
    // Of few rows the width scatters more.
    let bound = scores.count >= 2 * leastUnits ? 0.45 : 0.3
    guard (high - low) / 1.35 < bound, median < -0.5 else { return nil }
    return Finding(
      kind: .trapWeights, tensor: layer.name,
      explanation:
        "The rows of \(layer.name) all sum to the same number below 0, as no random rows do: such "
        + "units fire for hardly any input, and \(source).")
  }

  private static let leastUnits = 16
  /// Of honest layers at most 0.16, of traps 0.3 and more.
  private static let isolatingShare = 0.24

  /// The share of units that fire for exactly one image of a batch, for the batch size that suits best.
  static func byEffect(_ layer: WeightLayer, _ responses: [UnitResponses]) -> Finding? {
    for answers in responses where answers.areToImages && !layer.isLast {
      guard answers.count >= leastUnits else { continue }
      for size in [8, 16, 32, 64] {
        let share = isolatingShare(answers.activity, batchSize: size)
        guard share >= isolatingShare else { continue }
        return Finding(
          kind: .trapWeights, tensor: layer.name,
          explanation:
            "Of a batch of \(size) images, \(Int((100 * share).rounded())) % of the units of "
            + "\(layer.name) fire for exactly one, far more than in honest networks: \(source).")
      }
    }
    return nil
  }

  static func isolatingShare(_ activity: [Double], batchSize: Int) -> Double {
    guard !activity.isEmpty else { return 0 }
    let sum = activity.reduce(0) { sum, share in
      var alone = share * Double(batchSize)
      for _ in 1..<batchSize { alone *= 1 - share }
      return sum + alone
    }
    return sum / Double(activity.count)
  }
}

/// Three digits behind the point, or none for large numbers.
func readable(_ value: Double) -> String {
  let digits = abs(value) >= 100 ? 1.0 : 1000.0
  let text = (value * digits).rounded() / digits
  return digits == 1 && abs(text) < 1e15 ? String(Int(text)) : String(text)
}

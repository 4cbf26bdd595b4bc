import Foundation

/// Finds the last layers of Wen et al. 2022 (arXiv 2202.00580): those that keep the gradient of a few
/// examples of a batch.
enum FishingChecks {
  typealias Finding = PlantedWeightCheck.Finding

  /// A last layer with what it reads.
  struct Classifier: Sendable {
    let layer: WeightLayer
    /// One row for each image.
    let features: [[Double]]
  }

  /// Of honest classifiers, trained or not, below 5.
  private static let leastContrast = 20.0

  static func byShape(_ layer: WeightLayer) -> Finding? {
    let rows = layer.rows
    let norms = (0..<rows.count).map(rows.norm)
    guard let largest = norms.max(), largest > 0, rows.count >= 3 else { return nil }
    let others = norms.filter { $0 < largest }.sorted()
    let median = others.isEmpty ? largest : others[others.count / 2]
    guard largest > leastContrast * median else { return nil }
    let contrast =
      median > 0
      ? "has weights \(readable(largest / median)) times as long as the others'"
      : "has weights, and the others' are 0"
    return Finding(
      kind: .classFishing, tensor: layer.name,
      explanation:
        "One class of \(layer.name) \(contrast): the gradient of a batch shrinks to that class's "
        + "examples (arXiv 2202.00580).")
  }

  static func saturation(_ layer: WeightLayer) -> Finding? {
    guard let bias = layer.bias, let low = bias.min(), let high = bias.max() else { return nil }
    let rows = layer.rows
    // A probability of e^-50 at input 0; trained classifiers differ by a few units.
    guard high - low > 50, high - low > 5 * (0..<rows.count).map(rows.norm).reduce(0, max) else {
      return nil
    }
    return Finding(
      kind: .saturatedBias, tensor: layer.biasName,
      explanation:
        "The biases of \(layer.name) differ by \(readable(high - low)), so that the class hardly "
        + "depends on the input and most examples leave no gradient (arXiv 2202.00580).")
  }

  /// The gradient that examples of each class send to the layers below: ‖Σ p_c w_c - w_y‖, a mean over
  /// images. Where one class's is far above the others', a batch's gradient is that class's.
  static func byEffect(_ classifier: Classifier) -> Finding? {
    let (rows, features) = (classifier.layer.rows, classifier.features)
    let classes = rows.count
    guard classes >= 3, !features.isEmpty, features.allSatisfy({ $0.count == rows.width }) else {
      return nil
    }
    let bias = classifier.layer.bias ?? [Double](repeating: 0, count: classes)
    // Of many classes, some: their number does not change the contrast.
    let shown = classes > 200 ? Array(stride(from: 0, to: classes, by: classes / 200)) : nil
    var strength = [Double](repeating: 0, count: classes)
    for feature in features.prefix(classes > 200 ? 8 : 64) {
      let logits = (0..<classes).map { row in
        zip(rows[row], feature).reduce(bias[row]) { $0 + $1.0 * $1.1 }
      }
      let top = logits.max() ?? 0
      let weights = logits.map { exp($0 - top) }
      let total = weights.reduce(0, +)
      var mean = [Double](repeating: 0, count: rows.width)
      for row in 0..<classes where weights[row] > 1e-12 * total {
        for (place, value) in rows[row].enumerated() { mean[place] += weights[row] / total * value }
      }
      for row in shown ?? Array(0..<classes) {
        let squares = zip(rows[row], mean).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        strength[row] += squares.squareRoot()
      }
    }
    let sorted = (shown ?? Array(0..<classes)).map { strength[$0] }.sorted()
    guard let largest = sorted.last, largest > 0, largest > leastContrast * sorted[sorted.count / 2]
    else { return nil }
    return Finding(
      kind: .classFishing, tensor: classifier.layer.name,
      explanation:
        "Through \(classifier.layer.name) the examples of one class send a gradient "
        + "\(readable(largest / max(sorted[sorted.count / 2], 1e-300))) times as large as others': "
        + "that of a batch shrinks to them (arXiv 2202.00580).")
  }
}

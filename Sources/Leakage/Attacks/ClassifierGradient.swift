import TensorGraph

/// What a shared update tells of the last, fully connected layer: y = W h + b.
struct ClassifierGradient {
  let classCount: Int
  let featureCount: Int
  /// Gradient of W, [classes, features] in row-major order; nil when it was not shared.
  private(set) var rows: [Double]?
  /// Gradient of b: the sum of the logits' cotangents over the batch; nil when it was not shared or the
  /// layer has no bias.
  private(set) var sums: [Double]?

  /// Nil when the model does not end in such a layer, or has logits at several positions.
  init?(_ update: SharedUpdate, _ model: Model) {
    guard let classifier = model.classifier, model.labelPositions.rank == 0 else { return nil }
    classCount = model.classCount
    featureCount = model.parameters[classifier.weight].shape.elementCount / model.classCount
    rows = update.gradient(of: classifier.weight).map {
      classifier.rows(of: $0, classCount: model.classCount)
    }
    sums = classifier.bias.flatMap { update.gradient(of: $0)?.doubles }
  }

  /// The features h of a batch of one: Wᵢ / bᵢ, in the least-squares sense over all rows.
  var features: [Double]? {
    guard let rows, let sums else { return nil }
    let squared = sums.reduce(0) { $0 + $1 * $1 }
    guard squared > 0, squared.isFinite else { return nil }
    var result = [Double](repeating: 0, count: featureCount)
    for (row, sum) in sums.enumerated() {
      for feature in 0..<featureCount {
        result[feature] += sum * rows[row * featureCount + feature]
      }
    }
    return result.map { $0 / squared }
  }

  /// Takes one example out: subtracts its part of the gradient.
  mutating func subtract(cotangent: [Double], features: [Double]) {
    for row in 0..<classCount {
      sums?[row] -= cotangent[row]
      for column in 0..<featureCount {
        rows?[row * featureCount + column] -= cotangent[row] * features[column]
      }
    }
  }
}

extension Model.Classifier {
  /// The elements of the layer's weight, or its gradient, as [classes, features].
  func rows(of weight: Tensor, classCount: Int) -> [Double] {
    let elements = weight.doubles
    guard isTransposed else { return elements }
    let features = elements.count / classCount
    return (0..<elements.count).map { elements[$0 % features * classCount + $0 / features] }
  }
}

extension WeightedModel {
  /// The logits that the last layer makes of features; nil when it is not fully connected.
  func logits(of features: [Double]) -> [Double]? {
    guard let classifier = model.classifier else { return nil }
    let weight = classifier.rows(of: parameters[classifier.weight], classCount: model.classCount)
    let offsets = classifier.bias.map { parameters[$0].doubles }
    return (0..<model.classCount).map { row -> Double in
      var logit = offsets?[row] ?? 0
      let start = row * features.count
      for (index, feature) in features.enumerated() { logit += weight[start + index] * feature }
      return logit
    }
  }
}

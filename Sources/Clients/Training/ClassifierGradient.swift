import TensorGraph

/// What a shared update tells of the last, fully connected layer, or of another: y = W h + b.
package struct ClassifierGradient {
  /// Number of outputs, of which the last layer has one for each class.
  package let classCount: Int
  package let featureCount: Int
  /// Gradient of W, [classes, features] in row-major order; nil when it was not shared.
  package private(set) var rows: [Double]?
  /// Gradient of b: the sum of the logits' cotangents over the batch; nil when it was not shared or the
  /// layer has no bias.
  package private(set) var sums: [Double]?

  /// Nil when the model does not end in such a layer, or has logits at several positions.
  package init?(_ update: SharedUpdate, _ model: Model) {
    guard let classifier = model.classifier, model.labelPositions.rank == 0 else { return nil }
    self.init(update, model, layer: classifier)
  }

  /// Of any fully connected layer.
  package init(_ update: SharedUpdate, _ model: Model, layer: Model.Classifier) {
    let outputs = layer.outputCount(in: model)
    classCount = outputs
    featureCount = model.parameters[layer.weight].shape.elementCount / outputs
    rows = update.gradient(of: layer.weight).map { layer.rows(of: $0, classCount: outputs) }
    sums = layer.bias.flatMap { update.gradient(of: $0)?.doubles }
  }

  /// The features h of a batch of one: Wᵢ / bᵢ, in the least-squares sense over all rows.
  package var features: [Double]? {
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

  /// The standard deviation of noise on the rows' numbers, as far as it shows under a cross entropy: without noise each
  /// column sums to 0 over the classes, as the cotangents of every example do.
  package var noiseDeviation: Double? {
    guard let rows, classCount > 1 else { return nil }
    var square = 0.0
    for column in 0..<featureCount {
      let sum = (0..<classCount).reduce(0) { $0 + rows[$1 * featureCount + column] }
      square += sum * sum
    }
    return (square / Double(featureCount * classCount)).squareRoot()
  }

  /// Takes one example out: subtracts its part of the gradient.
  package mutating func subtract(cotangent: [Double], features: [Double]) {
    for row in 0..<classCount {
      sums?[row] -= cotangent[row]
      for column in 0..<featureCount {
        rows?[row * featureCount + column] -= cotangent[row] * features[column]
      }
    }
  }
}

extension Model.Classifier {
  func outputCount(in model: Model) -> Int {
    let shape = model.parameters[weight].shape
    return isTransposed ? shape[shape.rank - 1] : shape[0]
  }

  /// The elements of the layer's weight, or its gradient, as [classes, features].
  package func rows(of weight: Tensor, classCount: Int) -> [Double] {
    let elements = weight.doubles
    guard isTransposed else { return elements }
    let features = elements.count / classCount
    return (0..<elements.count).map { elements[$0 % features * classCount + $0 / features] }
  }
}

extension WeightedModel {
  /// The logits that the last layer makes of features; nil when it is not fully connected.
  package func logits(of features: [Double]) -> [Double]? {
    model.classifier.map { outputs(of: $0, reading: features) }
  }

  /// What a fully connected layer makes of its input.
  package func outputs(of layer: Model.Classifier, reading features: [Double]) -> [Double] {
    let count = layer.outputCount(in: model)
    let weight = layer.rows(of: parameters[layer.weight], classCount: count)
    let offsets = layer.bias.map { parameters[$0].doubles }
    return (0..<count).map { row -> Double in
      var output = offsets?[row] ?? 0
      let start = row * features.count
      for (index, feature) in features.enumerated() { output += weight[start + index] * feature }
      return output
    }
  }
}

import Clients
import Solvers
import TensorGraph

/// Whether an example is in a batch, by the spans of hidden layers' gradients: that its features lie in them is as many
/// equations as a layer has more features than there are examples, and that taking it out of the gradient lowers the rank is one
/// more; see ``LayerSpan``. What fulfils them by chance has measure zero.
package struct SpanMembership {
  /// What an update says of an example that is in its batch.
  struct Part {
    let label: Int
    /// How often it is there.
    let times: Int
    /// For each layer.
    let features: [[Double]]
    let cotangents: [[Double]]
  }

  private(set) var spans: [LayerSpan]
  let function: FeatureFunction
  private let single: SingleGradient
  private let factor: Double
  private let labels: [Int]

  /// - Parameter directions: that ``function`` has derivatives along, for so many equations; nil for none that matter.
  /// - Throws: ``AttackError`` when no hidden layer tells examples apart by its span, or the backend fails.
  package init(
    _ weighted: WeightedModel, _ update: SharedUpdate, mode: ForwardMode,
    directions: ((Int) throws(AttackError) -> [[Double]])? = nil, backend: any Backend
  ) throws(AttackError) {
    try update.requireOneGradient("the span of hidden layers")
    let model = weighted.model
    let hidden = try HiddenLayers(model, mode: mode)
    var layers: [HiddenLayers.Layer] = []
    var spans: [LayerSpan] = []
    for layer in hidden.layers where update.gradient(of: layer.classifier.weight) != nil {
      let span = try AttackError.ifApplicable { () throws(AttackError) in
        try LayerSpan(layer.classifier, update, algebra: backend.linearAlgebra)
      }
      guard let span else { continue }
      layers.append(layer)
      spans.append(span)
    }
    guard !spans.isEmpty else {
      throw AttackError(
        "no hidden layer of \(model.name) has a gradient of more rows and columns than there are examples; use the attack auto"
      )
    }
    self.spans = spans
    let still = [[Double](repeating: 0, count: model.inputShape.elementCount)]
    let equations = spans.reduce(0) { $0 + $1.equationCount }
    function = try FeatureFunction(
      weighted, hidden, layers: layers, directions: try directions?(equations) ?? still,
      backend: backend)
    single = try SingleGradient(weighted, loss: update.loss, backend: backend)
    factor = update.loss.reduction == .mean ? 1 / Double(update.batchSize) : 1
    labels = Array(0..<update.loss.labelCount(classCount: model.classCount))
  }

  /// Equations that the spans give for one example.
  var equationCount: Int { spans.reduce(0) { $0 + $1.equationCount } }

  /// Squared distances, relative to features' squared lengths, that rounding of the gradient leaves at an example of the batch.
  var accepted: Double {
    let error = 30 * (spans.map(\.error).max() ?? 0)
    return min(max(1e-18, error * error), 1e-6)
  }

  /// Fewer equations could be fulfilled by rounding.
  private static let fewestEquations = 8

  /// Whether the update proves that an example is in its batch. That it does not proves nothing where examples share nothing.
  ///
  /// - Parameters:
  ///   - input: as the model reads it.
  ///   - label: nil for any.
  /// - Throws: ``AttackError`` when a run fails.
  package func proves(_ input: [Double], label: Int?) throws(AttackError) -> Bool {
    guard equationCount >= Self.fewestEquations else { return false }
    let features = try function.run(input).features
    let distance = zip(spans, features).reduce(0.0) { sum, item in
      let squared = max(item.1.reduce(0) { $0 + $1 * $1 }, .leastNormalMagnitude)
      return sum + item.0.remainder(item.1).reduce(0) { $0 + $1 * $1 } / squared
    }
    guard distance <= accepted, let part = try part(of: input, features) else { return false }
    return label.map { $0 == part.label } ?? true
  }

  // MARK: - Labels

  /// By how much the share of an example in the gradient may differ from 1, or from 1 divided by how often it is there.
  private static let tolerance = 0.02
  private static let mostTimes = 4

  /// The label under which the gradient has the example as a part; nil where it has not.
  ///
  /// - Parameter features: what the layers read of it.
  func part(of input: [Double], _ features: [[Double]]) throws(AttackError) -> Part? {
    var best: (part: Part, error: Double)?
    for label in labels {
      try single.run(image: input, label: label)
      let cotangents = zip(spans, features).map { span, features in
        cotangent(single.gradient(of: span.classifier.weight), span, features)
      }
      let share = spans[0].share(features: features[0], cotangent: cotangents[0])
      for times in 1...Self.mostTimes {
        let error = abs(share * Double(times) - 1)
        if error < best?.error ?? Self.tolerance {
          best = (
            Part(label: label, times: times, features: features, cotangents: cotangents), error
          )
        }
      }
    }
    return best?.part
  }

  /// δ of a single example's gradient δ hᵀ, in the units of the shared one.
  private func cotangent(
    _ gradient: [Double], _ span: LayerSpan, _ features: [Double]
  ) -> [Double] {
    let units = gradient.count / features.count
    let shape: Shape =
      span.classifier.isTransposed ? [features.count, units] : [units, features.count]
    let rows = span.classifier.rows(of: Tensor(shape, .f64(gradient)), classCount: units)
    let squared = max(features.reduce(0) { $0 + $1 * $1 }, .leastNormalMagnitude)
    return (0..<units).map { unit in
      factor
        * features.indices.reduce(0) { $0 + rows[unit * features.count + $1] * features[$1] }
        / squared
    }
  }

  /// Takes an example out of the gradient, where the ranks stay clear without it.
  mutating func takeOut(_ part: Part) {
    var left: [LayerSpan] = []
    for (layer, span) in spans.enumerated() {
      guard
        let span = span.without(
          features: part.features[layer], cotangent: part.cotangents[layer],
          times: Double(part.times))
      else { return }
      left.append(span)
    }
    spans = left
  }
}

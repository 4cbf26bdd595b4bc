import Clients
import Solvers
import TensorGraph

/// What a model does with images of random pixels: a stand-in for the averages over private images that
/// label recovery needs (Wainakh et al. 2021, section 4; Geng et al. 2021).
struct DummyStatistics {
  /// Mean of the softmax, [K].
  let probabilities: [Double]
  /// Mean of the sum of the features.
  let featureSum: Double
  /// Mean of probability times feature sum, [K]: what a row of the weight's gradient sums to when its
  /// class is no label.
  let offsets: [Double]

  private static let imageCount = 16

  init(
    _ weighted: WeightedModel, seed: UInt64, backend: any Backend
  ) throws(AttackError) {
    guard let classifier = weighted.model.classifier, let bias = classifier.bias else {
      throw AttackError("\(weighted.model.name) does not end in a fully connected layer with bias")
    }
    var source = RandomSource(seed: seed).derive(label: "dummy statistics")
    let classes = weighted.model.classCount
    var (probabilities, offsets) = (
      [Double](repeating: 0, count: classes), [Double](repeating: 0, count: classes)
    )
    var featureSum = 0.0
    let share = 1 / Double(DummyStatistics.imageCount)
    let single = try SingleGradient(weighted, backend: backend)
    for _ in 0..<DummyStatistics.imageCount {
      try single.run(
        image: source.uniformTensor(weighted.model.inputShape, .f64).doubles, label: 0)
      // With label 0 the bias's gradient is the softmax less 1 at class 0, and row 0 of the weight's
      // is that number times the features.
      var softmax = single.gradient(of: bias)
      let rows = single.gradient(of: classifier.weight)
      let sum = rows[0..<rows.count / classes].reduce(0, +) / softmax[0]
      softmax[0] += 1
      featureSum += share * sum
      for index in 0..<classes {
        probabilities[index] += share * softmax[index]
        offsets[index] += share * softmax[index] * sum
      }
    }
    self.probabilities = probabilities
    self.featureSum = featureSum
    self.offsets = offsets
  }
}

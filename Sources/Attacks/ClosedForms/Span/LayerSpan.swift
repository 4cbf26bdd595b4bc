import Clients
import Solvers
import TensorGraph

/// The gradient of a fully connected layer, G = Σ δₙ hₙᵀ over a batch, as the span of the features hₙ that it read.
///
/// Features of an example of the batch lie in G's row space, and those of hardly any other do. An example is taken out of G by
/// subtracting δ hᵀ, which lowers the rank if and only if hᵀ G⁺ δ = 1 (Wedderburn 1934; Chu, Funderlic and Golub 1995): an equation
/// that tells the right label, and how often an example is in the batch.
struct LayerSpan {
  /// Which of a model's parameters it is of, and how that is stored.
  let classifier: Model.Classifier
  /// Row major [units, features].
  private var gradient: [Double]
  private let units: Int
  /// Features.
  let width: Int
  private var factors: RankFactors
  private let isSingle: Bool
  private let algebra: any LinearAlgebra

  /// - Throws: ``AttackError`` when the gradient has not the rank of a batch.
  init(
    _ classifier: Model.Classifier, _ update: SharedUpdate, algebra: any LinearAlgebra
  ) throws(AttackError) {
    let tensor = update.gradients[classifier.weight]
    units = tensor.shape[classifier.isTransposed ? 1 : 0]
    gradient = classifier.rows(of: tensor, classCount: units)
    width = gradient.count / max(units, 1)
    isSingle = tensor.dtype != .f64
    self.classifier = classifier
    self.algebra = algebra
    factors = try Self.factors(
      gradient, units, width, rank: update.batchSize, isSingle: isSingle, algebra)
  }

  private static func factors(
    _ gradient: [Double], _ units: Int, _ width: Int, rank: Int, isSingle: Bool,
    _ algebra: any LinearAlgebra
  ) throws(AttackError) -> RankFactors {
    try RankFactors(
      Tensor([units, width], .f64(gradient)), rank: rank, allowsLess: true, isSingle: isSingle,
      attack: "the span of hidden layers", algebra: algebra)
  }

  /// Examples that are still in it.
  var rank: Int { factors.rank }
  /// Equations that the span gives for one example.
  var equationCount: Int { width - rank }

  /// How far the span's directions are off by rounding, at most.
  var error: Double { factors.noise * factors.values[0] / factors.values[factors.rank - 1] }

  /// What of a vector of features lies outside of the span.
  func remainder(_ features: [Double]) -> [Double] {
    let inside = factors.vector(factors.coordinates(of: features))
    return zip(features, inside).map(-)
  }

  /// hᵀ G⁺ δ.
  func share(features: [Double], cotangent: [Double]) -> Double {
    let right = factors.coordinates(of: features)
    return (0..<rank).reduce(0) { sum, index in
      let left = (0..<units).reduce(0) {
        $0 + factors.left[$1 * rank + index] * cotangent[$1]
      }
      return sum + right[index] * left / factors.values[index]
    }
  }

  /// The layer without an example that counts `times`.
  ///
  /// - Returns: nil when the rank is not clear any more.
  func without(features: [Double], cotangent: [Double], times: Double) -> LayerSpan? {
    guard rank > 1 else { return nil }
    var other = self
    for unit in 0..<units where cotangent[unit] != 0 {
      for index in 0..<width {
        other.gradient[unit * width + index] -= times * cotangent[unit] * features[index]
      }
    }
    guard
      let factors = try? Self.factors(
        other.gradient, units, width, rank: rank - 1, isSingle: isSingle, algebra),
      factors.rank == rank - 1
    else { return nil }
    other.factors = factors
    return other
  }
}

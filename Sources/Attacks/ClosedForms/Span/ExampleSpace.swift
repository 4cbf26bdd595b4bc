import Clients
import Solvers
import TensorGraph

/// Where the examples of a batch can be: anywhere, or where a first layer that reads them puts them.
///
/// The gradients of a fully connected first layer's weight and bias beside each other have the rows (x, 1) of the batch as their
/// span, so that an example is base + Σ z direction with one direction less than there are examples.
struct ExampleSpace {
  let base: [Double]
  let directions: [[Double]]
  /// Whether these are all examples.
  let isWhole: Bool

  /// Inputs at most that are sought one by one.
  private static let inputLimit = 512

  /// - Parameter unknowns: directions at most for which all examples are taken: a first layer's span is no better known than its
  ///   smallest singular value, which correlated inputs bring near to rounding.
  /// - Throws: ``AttackError`` when there are too many inputs.
  init(
    _ weighted: WeightedModel, _ update: SharedUpdate, unknowns: Int, backend: any Backend
  ) throws(AttackError) {
    let model = weighted.model
    let width = model.inputShape.elementCount
    guard width > min(unknowns, Self.inputLimit) else {
      self.init(all: width)
      return
    }
    let spanned = try AttackError.ifApplicable {
      () throws(AttackError) -> (base: [Double], directions: [[Double]])? in
      guard update.batchSize < width else { return nil }
      let layer = try LinearLayerLeak(model: model).layer
      return try Self.span(layer, update, width, algebra: backend.linearAlgebra)
    }
    if let spanned {
      self.init(base: spanned.base, directions: spanned.directions, isWhole: false)
      return
    }
    guard width <= Self.inputLimit else {
      throw AttackError(
        "an example has \(width) inputs, and the first layer's gradient does not tell where they can be; use the attack auto"
      )
    }
    self.init(all: width)
  }

  /// All examples.
  private init(all width: Int) {
    self.init(
      base: [Double](repeating: 0, count: width),
      directions: (0..<width).map { input in (0..<width).map { $0 == input ? 1 : 0 } },
      isWhole: true)
  }

  private init(base: [Double], directions: [[Double]], isWhole: Bool) {
    (self.base, self.directions, self.isWhole) = (base, directions, isWhole)
  }

  private static func span(
    _ layer: LinearLayerLeak.FirstLayer, _ update: SharedUpdate, _ width: Int,
    algebra: any LinearAlgebra
  ) throws(AttackError) -> (base: [Double], directions: [[Double]])? {
    let bias = update.gradients[layer.bias].doubles
    let weight = layer.classifier.rows(
      of: update.gradients[layer.weight], classCount: bias.count)
    let rows = bias.indices.flatMap { weight[$0 * width..<($0 + 1) * width] + [bias[$0]] }
    let factors = try RankFactors(
      Tensor([bias.count, width + 1], .f64(rows)), rank: update.batchSize, allowsLess: true,
      isSingle: update.gradients[layer.weight].dtype != .f64, attack: "the span of hidden layers",
      algebra: algebra)
    // Coordinates c with cᵀ last = 1: the nearest to 0, and a basis of those with cᵀ last = 0.
    let last = (0..<factors.rank).map { factors.right[$0 * (width + 1) + width] }
    let squared = last.reduce(0) { $0 + $1 * $1 }
    guard squared > 0 else { return nil }
    func example(_ coordinates: [Double]) -> [Double] {
      Array(factors.vector(coordinates).dropLast())
    }
    var basis: [[Double]] = []
    for axis in 0..<factors.rank {
      var vector = (0..<factors.rank).map { $0 == axis ? 1.0 : 0 }
      for other in [last.map { $0 / squared.squareRoot() }] + basis {
        let product = zip(vector, other).reduce(0) { $0 + $1.0 * $1.1 }
        for index in vector.indices { vector[index] -= product * other[index] }
      }
      let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
      if norm > 1e-6, basis.count < factors.rank - 1 { basis.append(vector.map { $0 / norm }) }
    }
    guard !basis.isEmpty else { return nil }
    return (example(last.map { $0 / squared }), basis.map(example))
  }

  /// The nearest example that can be there.
  func nearest(to example: [Double], algebra: any LinearAlgebra) -> [Double] {
    guard !isWhole else { return example }
    let target = zip(example, base).map(-)
    let count = directions.count
    let products = directions.map { direction in
      zip(direction, target).reduce(0) { $0 + $1.0 * $1.1 }
    }
    var gram = directions.flatMap { left in
      directions.map { right in zip(left, right).reduce(0) { $0 + $1.0 * $1.1 } }
    }
    let size = (0..<count).map { gram[$0 * (count + 1)] }.max() ?? 1
    for index in 0..<count { gram[index * (count + 1)] += 1e-12 * size }
    guard let lengths = algebra.solvePositiveDefinite(gram, products) else { return base }
    var result = base
    for (length, direction) in zip(lengths, directions) {
      for index in result.indices { result[index] += length * direction[index] }
    }
    return result
  }
}

import Clients
import Solvers
import TensorGraph

/// A batch through a fully connected first layer with ReLU; see `Spear`.
public struct SpearAttack: ClosedFormAttack {
  /// `spear`.
  public let descriptor = AttackDescriptor(
    name: .spear, summary: "batches, exactly, through a first layer with ReLU",
    paper: "Dimitrov et al. 2024, arXiv 2403.03945", needs: AttackNeed.gradient,
    category: .informedEavesdropper, searches: false)

  private let draws: Int

  /// - Parameter draws: sets of rows to draw at most.
  public init(draws: Int = 20_000_000) {
    self.draws = draws
  }

  /// With draws that take seconds, for where it is one attack of several.
  static let quick = SpearAttack(draws: 200_000)

  /// The batch from the first layer's gradient, whose rank it is.
  public func solve(
    _ problem: AttackProblem, _ run: AttackRun
  ) throws(AttackError) -> ClosedFormSolution {
    try problem.requireEveryGradient("SPEAR")
    let attack = try Spear(problem.weighted, backend: problem.backend)
    let result = try run.stoppable { shouldStop throws(AttackError) in
      try attack.reconstruct(
        problem.update, seed: problem.configuration.seed, draws: draws
      ) { count, _ in shouldStop(count) }
    }
    return ClosedFormSolution(images: result.images, labels: result.labels)
  }

  /// The same from the columns that the exact update gave.
  public func solve(
    nearMiss problem: AttackProblem, of images: Tensor, _ run: AttackRun
  ) throws(AttackError) -> ClosedFormSolution {
    try SpearAttack.quick.solve(problem, run)
  }
}

/// SPEAR (Dimitrov et al. 2024, arXiv 2403.03945): whole batches, exactly, through a fully connected
/// first layer with ReLU.
///
/// The gradient of the layer's weight, ∂ℓ/∂W = (∂ℓ/∂Z)ᵀ X, is the product of two matrices of rank b, the
/// number of images, and so known up to an invertible b x b matrix. ReLU makes about half of ∂ℓ/∂Z
/// exactly 0, and only the true factor is so sparse: ``SparseColumnSearch`` finds its columns, one for
/// each image, and ``ColumnSelection`` their scales from the bias's gradient. Work grows exponentially
/// with b; batches of up to about 24 take seconds, where the layer has some ten times as many units.
package struct Spear: Sendable {
  package struct Result: Sendable {
    /// [N, C, H, W] in f64, in no particular order.
    package let images: Tensor
    package let labels: [Int]
    /// Sets of rows that were drawn.
    package let draws: Int
    /// Share of units and samples at which the reconstruction's ReLU is 0 where its gradient is.
    package let agreement: Double
  }

  private let weighted: WeightedModel
  private let layer: LinearLayerLeak.FirstLayer
  private let front: AffineFront?
  private let backend: any Backend

  /// Draws between two looks at the clock.
  private static let drawsPerStep = 64
  /// Draws before directions are exchanged for less sparse ones; then whenever they have doubled.
  private static let firstExchange = 4096

  /// - Throws: ``AttackError`` when the model does not begin with a fully connected layer with bias and
  ///   an activation that is 0 for a whole range of inputs.
  package init(_ weighted: WeightedModel, backend: any Backend) throws(AttackError) {
    let leak = try LinearLayerLeak(weighted, backend: backend)
    (layer, front) = (leak.layer, leak.front)
    try layer.requireUsualOrder("SPEAR")
    self.weighted = weighted
    self.backend = backend
  }

  /// - Parameters:
  ///   - draws: sets of rows to draw at most.
  ///   - shouldStop: asked now and then, with the number of draws and the images found so far.
  /// - Throws: ``AttackError`` when the gradient has not the rank of the batch, or the search ends
  ///   without a batch that fits.
  package func reconstruct(
    _ update: SharedUpdate, seed: UInt64, draws: Int = 20_000_000,
    shouldStop: (Int, Int) -> Bool = { _, _ in false }
  ) throws(AttackError) -> Result {
    try update.requireOneGradient("SPEAR")
    try requireDeadUnits(update.loss)
    let factors = try Factors(update, layer, algebra: backend.linearAlgebra)
    let b = update.batchSize
    let selection = factors.selection(weighted, layer)
    var search = SparseColumnSearch(
      basis: factors.left, width: b, tolerance: factors.tolerance,
      algebra: backend.linearAlgebra, source: RandomSource(seed: seed).derive(label: "spear"))
    guard search.isFeasible else {
      throw AttackError(
        "SPEAR needs many more active units than examples to tell zeros from chance, and only "
          + "\(factors.activeCount) units of the first layer saw these \(b) examples; use the attack auto"
      )
    }
    var best: ColumnSelection.Batch?
    func consider(_ batch: ColumnSelection.Batch?) {
      if let batch, batch.agreement > best?.agreement ?? 0 { best = batch }
    }
    var nextExchange = Spear.firstExchange
    while search.drawCount < draws, best?.agreement ?? 0 < Spear.goodAgreement {
      if search.draw(Spear.drawsPerStep), search.basis.count == b {
        consider(selection.batch(of: search.sharpened()))
      }
      if search.drawCount >= nextExchange, search.basis.count == b {
        nextExchange = 2 * search.drawCount
        consider(selection.improved(search.sharpened(), with: search.rest))
      }
      if shouldStop(search.drawCount, search.basis.count) { break }
    }
    guard let best else {
      throw AttackError(
        "SPEAR found \(search.basis.count) sparse directions for \(b) examples in "
          + "\(search.drawCount) draws; the work grows exponentially with the batch: allow a longer "
          + "time limit or the attack auto")
    }
    let images = images(of: factors.features(best.mixing), count: b)
    let labels = try labels(of: images, factors.cotangents(best.directions), update)
    return Result(
      images: images, labels: labels, draws: search.drawCount, agreement: best.agreement)
  }

  /// The examples [N, C, H, W] whose values in front of the layer these are, one after the other.
  private func images(of features: [Double], count: Int) -> Tensor {
    let width = features.count / count
    let elements =
      front.map { front in
        (0..<count).flatMap { front.example(of: features[$0 * width..<($0 + 1) * width]) }
      } ?? features
    return Tensor(Shape([count] + weighted.model.inputShape.dimensions), .f64(elements))
  }

  /// Refuses an activation without a flat part: for any image some unit must share nothing.
  private func requireDeadUnits(_ loss: ClientLoss) throws(AttackError) {
    var source = RandomSource(seed: 0).derive(label: "spear probe")
    let image = source.uniformTensor(weighted.model.inputShape, .f64)
    let single = try SingleGradient(weighted, loss: loss, backend: backend)
    try single.run(image: image.doubles, label: 0)
    guard single.gradient(of: layer.bias).contains(0) else {
      throw AttackError(
        "SPEAR needs a ReLU after the first layer, and every unit of that of "
          + "\(weighted.model.name) passes something on; use the attack auto")
    }
  }

  /// Units at the border of rounding may disagree.
  private static let goodAgreement = 0.999

  // MARK: - Labels

  /// As many labels are all tried, whatever the last layer tells of the batch's.
  private static let labelsToTry = 32

  /// For each image the label whose gradient for the first layer's output is nearest to the one found.
  private func labels(
    of images: Tensor, _ cotangents: [[Double]], _ update: SharedUpdate
  ) throws(AttackError) -> [Int] {
    let pixels = weighted.model.inputShape.elementCount
    let count = update.loss.labelCount(classCount: weighted.model.classCount)
    // Batches' labels are found in a first approximation only, and a few cost nothing to try.
    let known =
      count > Spear.labelsToTry
      ? LabelRecovery.batchLabels(of: update, weighted).map { Set($0).sorted() } : nil
    let candidates = known ?? Array(0..<count)
    // A mean divides each example's gradient by the batch.
    let factor = update.loss.reduction == .mean ? Double(update.batchSize) : 1
    let single = try SingleGradient(weighted, loss: update.loss, backend: backend)
    let elements = images.doubles
    return try cotangents.indices.map { index throws(AttackError) in
      let image = Array(elements[index * pixels..<(index + 1) * pixels])
      var nearest = (label: 0, distance: Double.infinity)
      for label in candidates {
        try single.run(image: image, label: label)
        let gradient = single.gradient(of: layer.bias)
        let distance = zip(gradient, cotangents[index]).reduce(0) {
          let difference = $1.0 - $1.1 * factor
          return $0 + difference * difference
        }
        if distance < nearest.distance { nearest = (label, distance) }
      }
      return nearest.label
    }
  }
}

/// ∂ℓ/∂W = L R with orthonormal columns in L, and what counts as 0 there.
private struct Factors {
  /// Row major [m, b].
  let left: [Double]
  /// Row major [b, n].
  let right: [Double]
  let biasGradient: [Double]
  let batchSize: Int
  let tolerance: Double

  init(
    _ update: SharedUpdate, _ layer: LinearLayerLeak.FirstLayer, algebra: any LinearAlgebra
  ) throws(AttackError) {
    let gradient = update.gradients[layer.weight]
    let factors = try RankFactors(
      gradient, rank: update.batchSize, isSingle: gradient.dtype != .f64, attack: "SPEAR",
      algebra: algebra)
    let values = factors.values
    left = factors.left
    right = factors.right.indices.map { factors.right[$0] * values[$0 / factors.columns] }
    biasGradient = update.gradients[layer.bias].doubles
    batchSize = factors.rank
    tolerance = min(max(1e-7, 100 * factors.noise * values[0] / values[batchSize - 1]), 1e-2)
  }

  /// Units that at least one image reached.
  var activeCount: Int { biasGradient.count { $0 != 0 } }

  func selection(
    _ weighted: WeightedModel, _ layer: LinearLayerLeak.FirstLayer
  ) -> ColumnSelection {
    let b = batchSize
    let weight = weighted.parameters[layer.weight].doubles
    let rows = biasGradient.count
    let columns = right.count / b
    var projected = [Double](repeating: 0, count: rows * b)
    weight.withUnsafeBufferPointer { weight in
      right.withUnsafeBufferPointer { right in
        for row in 0..<rows {
          for index in 0..<b {
            projected[row * b + index] = dot(
              Vector(rebasing: weight[row * columns..<(row + 1) * columns]),
              Vector(rebasing: right[index * columns..<(index + 1) * columns]))
          }
        }
      }
    }
    let projectedBias = (0..<b).map { index in
      (0..<rows).reduce(0) { $0 + left[$1 * b + index] * biasGradient[$1] }
    }
    return ColumnSelection(
      basis: left, projectedWeight: projected, offset: weighted.parameters[layer.bias].doubles,
      projectedBias: projectedBias, tolerance: tolerance)
  }

  /// mixing · R, row major [b, features].
  func features(_ mixing: [Double]) -> [Double] {
    let b = batchSize
    let columns = right.count / b
    var elements = [Double](repeating: 0, count: b * columns)
    elements.withUnsafeMutableBufferPointer { elements in
      right.withUnsafeBufferPointer { right in
        for sample in 0..<b {
          let image = MutableVector(
            rebasing: elements[sample * columns..<(sample + 1) * columns])
          for index in 0..<b {
            addScaled(
              mixing[sample * b + index],
              Vector(rebasing: right[index * columns..<(index + 1) * columns]), to: image)
          }
        }
      }
    }
    return elements
  }

  /// L times the directions: ∂ℓ/∂z of each sample.
  func cotangents(_ directions: [Double]) -> [[Double]] {
    let b = batchSize
    return (0..<b).map { sample in
      (0..<biasGradient.count).map { row in
        (0..<b).reduce(0) { $0 + left[row * b + $1] * directions[$1 * b + sample] }
      }
    }
  }
}

import Clients
import Solvers
import TensorGraph

/// Takes the gradient of a batch apart at the last layer: what that layer read of each image, and the
/// cotangent of each image's logits, exactly.
///
/// The gradient of the layer's weight, ∂ℓ/∂W = Σ dᵢ hᵢᵀ over N images, has rank N, or R < N where some of
/// them are the same, so that its row space V is spanned by the features hᵢ = V mᵢ, and N R numbers mᵢ
/// are open. Kariyappa et al. 2023 (Cocktail
/// Party Attack, arXiv 2209.05578) find them by independent component analysis, which needs features
/// that are independent. Here nothing is assumed of them: the cotangents dᵢ are no free vectors, since
/// the loss makes them of W hᵢ + b. Seen in the coordinates mᵢ the last layer is a linear classifier of
/// R inputs with the weight W V, whose gradient for the batch of the mᵢ is (∂ℓ/∂W) V and ∂ℓ/∂b: matching
/// that gives (R + 1) (K - 1) equations for N R numbers, a problem so small that Levenberg-Marquardt
/// solves it to rounding, repeated labels included.
struct ExampleSeparation {
  /// A batch at the model's last layer, image by image.
  struct Batch {
    let labels: [Int]
    /// What the last layer reads, [N, F].
    let features: Tensor
    /// [N, K].
    let logits: Tensor
    /// Derivatives of the loss for the logits, [N, K].
    let cotangents: Tensor
    /// Squared misfit of the last layer's gradient, relative to its squared norm.
    let relativeLoss: Double
  }

  private let weighted: WeightedModel
  private let classifier: Model.Classifier
  private let bias: Int
  private let backend: any Backend

  /// - Throws: ``AttackError`` when the model does not end in a fully connected layer with bias.
  init(_ weighted: WeightedModel, backend: any Backend) throws(AttackError) {
    guard let classifier = weighted.model.classifier, let bias = classifier.bias,
      weighted.model.labelPositions.rank == 0
    else {
      throw AttackError(
        "a batch is taken apart at a fully connected last layer with bias, which "
          + "\(weighted.model.name) lacks; use the attack lm")
    }
    self.weighted = weighted
    self.classifier = classifier
    self.bias = bias
    self.backend = backend
  }

  /// - Parameters:
  ///   - knownLabels: of the batch, or nil to read them off the gradient.
  ///   - shouldStop: asked between trials.
  /// - Throws: ``AttackError`` when the gradient of the last layer was not shared, has not the rank of
  ///   the batch, shows no labels, or no batch fits it.
  func separate(
    _ update: SharedUpdate, knownLabels: [Int]?, seed: UInt64, shouldStop: () -> Bool = { false }
  ) throws(AttackError) -> Batch {
    try update.requireOneGradient("taking a batch apart")
    guard let gradient = ClassifierGradient(update, weighted.model), let rows = gradient.rows,
      let sums = gradient.sums
    else {
      throw AttackError(
        "taking a batch apart needs the gradient of the last layer, which was not shared; use "
          + "the attack lm")
    }
    let count = update.batchSize
    let factors = try RankFactors(
      Tensor([gradient.classCount, gradient.featureCount], .f64(rows)), rank: count,
      allowsLess: true, isSingle: update.gradients[classifier.weight].dtype != .f64,
      attack: "taking a batch apart",
      algebra: backend.linearAlgebra)
    let start = try firstApproximation(update, gradient, knownLabels: knownLabels)
    let small = try smallProblem(update, factors, gradient, sums)
    let residuals = try residuals(small, labels: start.labels)
    let first = start.features.flatMap { factors.coordinates(of: $0) }
    let accepted =
      max(1e-22, ExampleSeparation.roundingMargin * update.relativeRounding)
      * small.update.squaredNorm
    let best = try solve(residuals, from: first, accepted, labels: start.labels, seed, shouldStop)
    guard best.value <= accepted else {
      throw AttackError(
        "no \(count) examples with the labels \(start.labels) fit the last layer's gradient; use "
          + "the attack lm")
    }
    return batch(
      best.point, labels: start.labels, small, factors,
      relativeLoss: best.value / small.update.squaredNorm, loss: update.loss)
  }

  // MARK: - The small problem

  /// Labels and features, near the true ones.
  private func firstApproximation(
    _ update: SharedUpdate, _ gradient: ClassifierGradient, knownLabels: [Int]?
  ) throws(AttackError) -> (labels: [Int], features: [[Double]]) {
    if let taken = LabelRecovery.takingOutExamples(of: update, weighted, loss: update.loss),
      taken.features.joined().allSatisfy(\.isFinite),
      knownLabels.map({ $0.sorted() == taken.labels }) ?? true
    {
      return (taken.labels, taken.features)
    }
    guard let labels = knownLabels?.sorted(), let rows = gradient.rows, let sums = gradient.sums
    else {
      throw AttackError(
        "the last layer's gradient does not show the labels that a batch is taken apart by; give "
          + "the labels, or use the attack lm")
    }
    return (
      labels,
      labels.map { label in
        let row = rows[label * gradient.featureCount..<(label + 1) * gradient.featureCount]
        return row.map { sums[label] == 0 ? 0 : $0 / sums[label] }
      }
    )
  }

  /// The last layer in coordinates of the gradient's row space.
  private func smallProblem(
    _ update: SharedUpdate, _ factors: RankFactors, _ gradient: ClassifierGradient, _ sums: [Double]
  ) throws(AttackError) -> (weighted: WeightedModel, update: SharedUpdate) {
    let (rank, classes) = (factors.rank, gradient.classCount)
    let model = Model(
      name: "the last layer of \(weighted.model.name)", inputShape: [rank, 1, 1],
      classCount: classes
    ) { scope, input in
      scope["last"].linear(
        input.flattenedPerSample(), to: classes, weight: .zeros, bias: .zeros)
    }
    let weight = classifier.rows(
      of: weighted.parameters[classifier.weight].converted(to: .f64), classCount: classes)
    let projected = (0..<classes).flatMap { row in
      factors.coordinates(
        of: Array(weight[row * gradient.featureCount..<(row + 1) * gradient.featureCount]))
    }
    let small = WeightedModel(
      model: model,
      parameters: [
        Tensor([classes, rank], .f64(projected)), weighted.parameters[bias].converted(to: .f64),
      ], buffers: [])
    let seen = SharedUpdate(
      gradients: [
        Tensor([classes, rank], .f64(factors.scaledLeft)), Tensor([classes], .f64(sums)),
      ],
      batchSize: update.batchSize, loss: update.loss, relativeRounding: update.relativeRounding)
    return (small, seen)
  }

  private func residuals(
    _ small: (weighted: WeightedModel, update: SharedUpdate), labels: [Int]
  ) throws(AttackError) -> MatchingResiduals {
    let problem = try AttackProblem(
      small.weighted, update: small.update, configuration: AttackConfiguration(),
      knownLabels: labels, backend: backend)
    return try AttackError.naming("the last layer", "attacked") { () throws(GraphError) in
      try MatchingResiduals(problem, labels: labels)
    }
  }

  /// What a gradient computed in f32 may miss by, in units of the rounding of its numbers; labels that
  /// are wrong miss by far more.
  private static let roundingMargin = 4096.0

  /// Starts at most. The first is nearly always enough where labels differ.
  private static let trials = 40

  private func solve(
    _ residuals: MatchingResiduals, from first: [Double], _ accepted: Double, labels: [Int],
    _ seed: UInt64, _ shouldStop: () -> Bool
  ) throws(AttackError) -> SolverResult {
    let solver = LevenbergMarquardt(algebra: backend.linearAlgebra)
    let norm = try AttackError.naming("the last layer", "attacked") { () throws(GraphError) in
      try residuals.value(at: [Double](repeating: 0, count: first.count))
    }
    var source = RandomSource(seed: seed).derive(label: "separation")
    let rank = first.count / labels.count
    let repeats = Set(labels).count < labels.count
    var best: SolverResult?
    for trial in 0..<ExampleSeparation.trials {
      if trial > 0, shouldStop() { break }
      // Images of one label start at one point, which no step would part.
      let spread = trial == 0 ? (repeats ? 0.03 : 0) : 0.03 * Double(1 + trial % 10)
      var start = first
      for example in labels.indices {
        let range = example * rank..<(example + 1) * rank
        let size = first[range].reduce(0) { $0 + $1 * $1 }.squareRoot() / Double(rank).squareRoot()
        for index in range { start[index] += spread * size * source.normal() }
      }
      let rule = StoppingRule(
        iterations: 300, solvedBelow: min(1e-3 * accepted, 1e-28 * norm), stagnationWindow: 12,
        stagnationFactor: 0.9)
      let result = try AttackError.naming("the last layer", "attacked") { () throws(GraphError) in
        try solver.minimizeSquares(residuals, from: start, until: rule) { _, _ in .proceed }.result
      }
      if result.value < best?.value ?? .infinity { best = result }
      if let best, best.value <= accepted { break }
    }
    guard let best else {
      throw AttackError("the last layer's gradient is not finite, so that nothing can fit it")
    }
    return best
  }

  private func batch(
    _ point: [Double], labels: [Int], _ small: (weighted: WeightedModel, update: SharedUpdate),
    _ factors: RankFactors, relativeLoss: Double, loss: ClientLoss
  ) -> Batch {
    let (count, classes) = (labels.count, small.weighted.model.classCount)
    let rank = factors.rank
    let coordinates = (0..<count).map { Array(point[$0 * rank..<($0 + 1) * rank]) }
    let logits = coordinates.map { small.weighted.logits(of: $0) ?? [] }
    let cotangents = zip(logits, labels).map {
      loss.cotangent($0, label: $1, batchSize: count) ?? []
    }
    return Batch(
      labels: labels,
      features: Tensor([count, factors.columns], .f64(coordinates.flatMap(factors.vector))),
      logits: Tensor([count, classes], .f64(logits.flatMap { $0 })),
      cotangents: Tensor([count, classes], .f64(cotangents.flatMap { $0 })),
      relativeLoss: relativeLoss)
  }
}

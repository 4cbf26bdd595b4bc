import Clients
import Solvers
import TensorGraph

/// The matching loss of an attacked update, and when it is low enough.
extension AttackProblem {
  /// Matching loss relative to the shared update's squared norm at which rounding is reached and
  /// nothing more can be gained, in f64.
  static let roundingLevel = 1e-27

  /// The matching loss of these labels, or of sought ones, with the attack's precision.
  func matching(
    labels: [Int]?, _ run: inout AttackRun
  ) throws(AttackError) -> MatchingFunction {
    try run.compiling { () throws(GraphError) in
      try MatchingFunction(self, labels: labels, precision: configuration.precision)
    }
  }

  /// The matching loss of these labels, or of sought ones, as a sum of squares.
  func residuals(
    _ labels: [Int]?, _ run: inout AttackRun
  ) throws(AttackError) -> MatchingResiduals {
    try run.compiling { () throws(GraphError) in
      try MatchingResiduals(self, labels: labels)
    }
  }

  /// Runs `body`; should the backend fail, the error says that the model cannot be attacked.
  func onBackend<R>(_ body: () throws(GraphError) -> R) throws(AttackError) -> R {
    try AttackError.naming(weighted.model.name, "attacked", body)
  }

  /// The objective's value at one point.
  func value(
    of function: some ObjectiveFunction, at point: [Double]
  ) throws(AttackError) -> Double {
    try onBackend { () throws(GraphError) in try function.value(at: point) }
  }

  var solver: LevenbergMarquardt { LevenbergMarquardt(algebra: backend.linearAlgebra) }

  /// The matching loss with each sought label taken for certain: probabilities are free numbers to the
  /// solver, and some that are none fit updates that no label does.
  func valueWithWholeLabels(
    _ function: MatchingResiduals, _ result: SolverResult
  ) throws(GraphError) -> Double {
    guard !counter.hasMixedLabels, result.point.allSatisfy(\.isFinite) else { return result.value }
    let classes = weighted.model.classCount
    let labels = mostLikelyLabels(result.point[function.imageCount...]).flatMap { label in
      (0..<classes).map { $0 == label ? 1.0 : 0 }
    }
    return try function.value(at: Array(result.point[..<function.imageCount]) + labels)
  }

  /// Whether the best trial's matching loss is what was asked for.
  func isSolved(_ run: AttackRun) -> Bool {
    guard let best = run.best, !run.entries[best].isAstray else { return false }
    return run.entries[best].trial.matchingLoss <= acceptedLoss
  }

  /// What is believed of the batch before the update is seen; nil where no noise makes that count.
  var prior: PixelPrior? {
    guard counter.noiseVariance > 0 else { return nil }
    return PixelPrior(
      shape: batchShape, noiseVariance: counter.noiseVariance,
      structure: weighted.model.inputStructure)
  }

  /// Whether a batch has the update as well as was asked for, be there noise or not: behind noise many batches are
  /// ``isSolved(_:)``.
  func isExact(_ run: AttackRun) -> Bool {
    guard let best = run.best, !run.entries[best].isAstray else { return false }
    return run.entries[best].trial.matchingLoss <= solvedBelow * matched.squaredNorm
  }

  /// What was asked for; with noise what the true images would have, since nothing better can be told
  /// from them: the noise's energy, and the prior's, about one noise variance for each of its terms.
  var acceptedLoss: Double {
    let expected = counter.noiseEnergy + 3 * counter.noiseVariance * Double(batchShape.elementCount)
    return max(solvedBelow * matched.squaredNorm, AttackProblem.noiseMargin * expected)
  }

  /// Defences tell their errors only roughly.
  private static let noiseMargin = 1.1

  /// Second-order steps reach far more digits than the searches that the setting is made for, but not
  /// below what rounding of the shared numbers leaves.
  private var solvedBelow: Double {
    max(min(configuration.solvedBelow, 1e-12), acceptedRounding)
  }

  /// The relative matching loss that is put down to rounding of the shared numbers. Where rounding is more
  /// than a small part of the update, a fit to it says nothing.
  var acceptedRounding: Double {
    min(4 * update.relativeRounding, AttackProblem.largestRounding)
  }

  private static let largestRounding = 1e-2

  /// A start near mid-grey, where activations are not saturated; labels uniform.
  func dummyBatch(_ trial: Int, dimension: Int) -> [Double] {
    var source = RandomSource(seed: configuration.seed).derive(label: "trial").derive(index: trial)
    let pixels = batchShape.elementCount
    let share = 1 / Double(max(weighted.model.classCount, 2))
    return (0..<dimension).map { $0 < pixels ? 0.5 + 0.3 * source.normal() : share }
  }

  /// The label of a single image that was found without it: known, read off the last layer, or else the
  /// one whose gradient fits best.
  func label(of image: Tensor) throws(AttackError) -> Int {
    if let known = knownLabels?.first { return known }
    if let label = LabelRecovery.singleLabel(of: update, weighted) { return label }
    // No candidate's gradient can be computed to compare.
    guard missingFact(AttackNeed.gradient) == nil else { return 0 }
    let classes = weighted.model.classCount
    let losses = try onBackend { () throws(GraphError) in
      let function = try MatchingFunction(
        self, labels: nil, soughtForm: .probabilities, precision: .f64)
      return try (0..<update.loss.labelCount(classCount: classes)).map {
        label throws(GraphError) in
        try function.value(
          at: image.doubles + update.loss.target(of: label, classCount: classes))
      }
    }
    return losses.indices.min { losses[$0] < losses[$1] } ?? 0
  }

  var searchRule: StoppingRule {
    StoppingRule(
      iterations: configuration.iterations,
      solvedBelow: configuration.solvedBelow * matched.squaredNorm,
      stagnationFactor: isNoisy ? AttackProblem.noisyStagnation : 0.99)
  }

  /// Beside the energy of the noise, which nothing lowers, progress looks small.
  static let noisyStagnation = 1 - 1e-5

  /// Whether noise is a part of the update worth speaking of.
  var isNoisy: Bool { counter.noiseEnergy > 1e-3 * matched.squaredNorm }

  /// The class with the largest logit or probability, for each label; of one output the nearer of the
  /// targets 0 and 1.
  ///
  /// - Parameter form: what the scores are.
  func mostLikelyLabels(
    _ scores: ArraySlice<Double>, form: LabelForm = .probabilities
  ) -> [Int] {
    let classes = weighted.model.classCount
    let scores = Array(scores)
    if let targets = update.loss.targets {
      return scores.chunked(classes).map { targets.nearest(to: $0) }
    }
    if classes == 1 {
      let isLogit = form == .logits && update.loss.kind == .binaryCrossEntropy
      return scores.map { $0 > (isLogit ? 0 : 0.5) ? 1 : 0 }
    }
    return (0..<labelCount).map { example in
      (0..<classes).max {
        scores[example * classes + $0] < scores[example * classes + $1]
      } ?? 0
    }
  }
}

import Clients
import TensorGraph

/// The automatic attack's last resort: optimisation presets, from the cheapest.
extension AutomaticAttack {
  /// Iterations of each preset at most: the papers' tens of thousands are for who asks for them.
  private static let automaticIterations = 2400

  /// Weight of the total variation by which reconstructions are compared: the default of the code of
  /// Geiping et al.
  private static let comparedVariation = 0.1

  /// Runs the presets that apply. ``compare(_:_:)`` then lets the best of all reconstructions be the one with
  /// the lowest 1 - cos(g', g) + 0.1 TV: matching losses alone would prefer noise that fits an
  /// under-determined gradient to rounding over an image that fits it a little less.
  ///
  /// - Parameter share: of the time left.
  func searchByPresets(
    share: Double = 1, _ problem: AttackProblem, _ run: inout AttackRun
  ) throws(AttackError) {
    let plans = try applicablePresets(problem)
    for (place, plan) in plans.enumerated()
    where isKnown(enoughFor: PlanAttack(plan), problem, &run) {
      run.give(share: share / Double(plans.count - place))
      if run.wasStopped { return }
      // One that does not apply after all is no reason to give up what was found.
      _ = try AttackError.ifApplicable { () throws(AttackError) in
        try search(preset: plan, problem, &run)
      }
    }
  }

  /// Matching losses that differ by less than this factor may be those of the same batch, one with and one without
  /// the gradient's noise.
  private static let decisiveFactor = 10.0

  /// Share of the pixels that need an equation for a matching loss to be decisive: what the others can add to an image
  /// is then small beside what is right.
  private static let decisiveShare = 0.9

  /// Chooses by that measure among all reconstructions so far, unless one of them is certain. Where the gradient gives
  /// about as many equations as there are pixels, one that fits far worse than another is none of its batch, however smooth.
  func compare(_ problem: AttackProblem, _ run: inout AttackRun) throws(AttackError) {
    // It knows one label for each image.
    guard !problem.counter.hasMixedLabels, run.entries.count > 1 else { return }
    run.scores = Self.decided(
      try scores(problem, &run), losses: run.entries.map(\.trial.matchingLoss),
      equationShare: Double(problem.equationBound) / Double(problem.unknownCount))
  }

  /// The scores, infinite where a matching loss says that the batch is another.
  ///
  /// - Parameters:
  ///   - losses: matching losses of the same reconstructions.
  ///   - equationShare: equations for each pixel value.
  static func decided(_ scores: [Double], losses: [Double], equationShare: Double) -> [Double] {
    guard equationShare >= decisiveShare, let least = losses.filter(\.isFinite).min() else {
      return scores
    }
    return zip(scores, losses).map { $1 <= decisiveFactor * least ? $0 : .infinity }
  }

  /// Runs a preset once, for as many iterations as the automatic attack gives it.
  func search(
    preset plan: OptimizationPlan, _ problem: AttackProblem, _ run: inout AttackRun
  ) throws(AttackError) {
    try PlanAttack(plan).search(
      trials: 1,
      iterations: min(
        problem.configuration.iterations, plan.iterations, Self.automaticIterations),
      precision: plan.precision, problem, &run)
  }

  private func applicablePresets(
    _ problem: AttackProblem
  ) throws(AttackError) -> [OptimizationPlan] {
    let labels = try problem.likelyLabels()
    let hasTrainedStatistics = problem.weighted.hasTrainedStatistics
    var plans = [AttackPresets.invertingGradients.plan]
    if labels != nil, problem.update.training == nil, problem.weighted.model.hasKnownFeatures,
      ClassifierGradient(problem.update, problem.weighted.model)?.sums != nil
    {
      // On trained batch normalisation going from coarse to fine is worth a decibel, and before any
      // training nothing (bench/trained_networks.py, bench/inverting_gradients.py).
      plans.append(
        (hasTrainedStatistics ? AttackPresets.multiScale : AttackPresets.modern).plan)
    }
    if labels == nil { plans[0].labels = .joint }
    if hasTrainedStatistics, labels != nil {
      plans.append(AttackPresets.seeThroughGradients.plan)
    }
    return plans
  }

  /// The measure of each entry's images, clamped as they are shown, and labels.
  private func scores(
    _ problem: AttackProblem, _ run: inout AttackRun
  ) throws(AttackError) -> [Double] {
    var plan = OptimizationPlan()
    plan.prior.totalVariation.weight = Self.comparedVariation
    let known = PlanFunction.Known(
      labels: nil, matched: problem.update.sharedParameters, features: nil)
    let function = try run.compiling { () throws(GraphError) in
      try PlanFunction(plan, problem, known, scale: 1, precision: .f32)
    }
    let classes = problem.weighted.model.classCount
    let entries = run.entries
    return try run.searching { _ throws(AttackError) in
      try entries.map { entry throws(AttackError) in
        // Logits so far apart that their softmax is one-hot.
        let logits = entry.labels.flatMap { label in
          problem.update.loss.farScores(of: label, classCount: classes)
        }
        guard entry.images.allSatisfy(\.isFinite) else { return .infinity }
        let point = entry.images.map { min(max($0, 0), 1) } + logits
        let score = try problem.value(of: function, at: point)
        return score.isNaN ? .infinity : score
      }
    }
  }
}

extension WeightedModel {
  /// Whether running statistics have left their initial values: only then do they tell of images.
  fileprivate var hasTrainedStatistics: Bool {
    model.batchNormCount > 0
      && buffers.map(\.doubles) != model.initialBuffers(dtype: .f64).map(\.tensor.doubles)
  }
}

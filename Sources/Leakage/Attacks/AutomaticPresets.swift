import TensorGraph

/// The automatic attack's last resort: optimisation presets, from the cheapest.
extension GradientInversion {
  /// Iterations of each preset at most: the papers' tens of thousands are for who asks for them.
  private static let automaticIterations = 2400

  /// Weight of the total variation by which reconstructions are compared: the default of the code of
  /// Geiping et al.
  private static let refereeVariation = 0.1

  /// Runs the presets that apply. ``compare(_:)`` then lets the best of all reconstructions be the one with
  /// the lowest 1 - cos(g', g) + 0.1 TV: matching losses alone would prefer noise that fits an
  /// under-determined gradient to rounding over an image that fits it a little less.
  ///
  /// - Parameter share: of the time left.
  func searchByPresets(
    share: Double = 1, _ journal: inout TrialJournal, _ observe: AttackObserver
  ) throws(AttackError) {
    let plans = applicablePresets()
    for (place, plan) in plans.enumerated()
    where isKnown(enough: plan.needs, for: plan.name, &journal) {
      journal.give(share: share / Double(plans.count - place))
      if journal.wasStopped { return }
      // One that does not apply after all is no reason to give up what was found.
      try? search(preset: plan, &journal, observe)
    }
  }

  /// Lets the referee choose among all reconstructions so far, unless one of them is certain.
  func compare(_ journal: inout TrialJournal) throws(AttackError) {
    // The referee knows one label for each image.
    guard !counter.hasMixedLabels, journal.entries.count > 1 else { return }
    journal.scores = try scores(&journal)
  }

  /// Runs a preset once, for as many iterations as the automatic attack gives it.
  func search(
    preset plan: OptimizationPlan, _ journal: inout TrialJournal, _ observe: AttackObserver
  ) throws(AttackError) {
    try search(
      plan, &journal, trials: 1,
      iterations: min(configuration.iterations, plan.iterations, Self.automaticIterations),
      precision: plan.precision, observe)
  }

  private func applicablePresets() -> [OptimizationPlan] {
    let labels = likelyLabels()
    var plans = [AttackPresets.invertingGradients]
    if labels != nil, update.training == nil, weighted.model.hasKnownFeatures,
      ClassifierGradient(update, weighted.model)?.sums != nil
    {
      // On trained batch normalisation going from coarse to fine is worth a decibel, and before any
      // training nothing (Benchmarks/Comparison/trained_networks.py, Benchmarks/Comparison/inverting_gradients.py).
      plans.append(hasTrainedStatistics ? AttackPresets.multiScale : AttackPresets.modern)
    }
    if labels == nil { plans[0].labels = .joint }
    if hasTrainedStatistics, labels != nil {
      plans.append(AttackPresets.seeThroughGradients)
    }
    return plans
  }

  /// Whether running statistics have left their initial values: only then do they tell of images.
  private var hasTrainedStatistics: Bool {
    weighted.model.batchNormCount > 0
      && weighted.buffers.map(\.doubles)
        != weighted.model.initialBuffers(dtype: .f64).map(\.tensor.doubles)
  }

  /// For each entry what the referee makes of its images, clamped as they are shown, and labels.
  private func scores(_ journal: inout TrialJournal) throws(AttackError) -> [Double] {
    var referee = OptimizationPlan()
    referee.prior.totalVariation.weight = Self.refereeVariation
    let function: PlanFunction
    do {
      function = try journal.compiling { () throws(GraphError) in
        try PlanFunction(
          referee, weighted, update: update, labels: nil,
          matched: update.sharedParameters, features: nil, scale: 1,
          precision: .f32, mode: mode, backend: backend)
      }
    } catch {
      throw AttackError("\(weighted.model.name) cannot be attacked: \(error.message)")
    }
    let classes = weighted.model.classCount
    let entries = journal.entries
    return journal.searching {
      entries.map { entry in
        // Logits so far apart that their softmax is one-hot.
        let logits = entry.labels.flatMap { label in
          update.loss.farScores(of: label, classCount: classes)
        }
        guard entry.images.allSatisfy(\.isFinite) else { return .infinity }
        let score = function.value(at: entry.images.map { min(max($0, 0), 1) } + logits)
        return score.isNaN ? .infinity : score
      }
    }
  }
}

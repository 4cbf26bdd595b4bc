import TensorGraph

/// Observes the iterations of an attack; images are made only if asked for.
typealias AttackObserver = (AttackProgress, @escaping () -> Tensor) -> SolverDecision

extension GradientInversion {
  /// Matching loss relative to the shared update's squared norm at which rounding is reached and
  /// nothing more can be gained, in f64.
  static let roundingLevel = 1e-27

  // MARK: - Levenberg-Marquardt

  /// Label first where the gradient tells labels, else together with the data; then
  /// Levenberg-Marquardt from random starts.
  func levenbergMarquardt(_ observe: AttackObserver) throws(AttackError) -> AttackResult {
    var journal = TrialJournal(
      batchShape: batchShape, deadline: deadline, training: update.training)
    try searchWithLikelyLabels(&journal, observe)
    return judged(journal, observe)
  }

  /// Levenberg-Marquardt with the labels that the update tells, or else with labels that are sought.
  private func searchWithLikelyLabels(
    _ journal: inout TrialJournal, _ observe: AttackObserver
  ) throws(AttackError) {
    guard let training = update.training, knownLabels == nil, !counter.hasMixedLabels else {
      return try searchByLevenbergMarquardt(&journal, labels: likelyLabels(), observe)
    }
    // Which label belongs to which mini-batch is tried where that is few trials.
    let arrangements = trainedLabels(training).flatMap {
      training.arrangements(of: $0, limit: GradientInversion.arrangementLimit)
    }
    var candidates: [(labels: [Int], function: MatchingResiduals)] = []
    for labels in arrangements ?? [] {
      candidates.append((labels, try residuals(labels, &journal)))
    }
    for trial in 0..<min(configuration.trials, GradientInversion.arrangementTrials) {
      for candidate in candidates {
        try run(
          candidate.function, from: dummyBatch(trial, dimension: candidate.function.dimension),
          labels: candidate.labels, &journal, observe)
        if journal.wasStopped || isSolved(journal) { return }
      }
    }
    try searchByLevenbergMarquardt(&journal, labels: nil, observe)
  }

  /// Ways to spread labels over mini-batches that are tried at most.
  private static let arrangementLimit = 6

  /// Starts at most for each of these; all but one are wrong.
  private static let arrangementTrials = 2

  /// The labels of several local steps, ascending; nil where the update does not tell them.
  func trainedLabels(_ training: LocalTraining) -> [Int]? {
    // Counts are differences of small numbers, which a defence drowns.
    guard counter.isNone || update.batchSize == 1 else { return nil }
    return LabelRecovery.labels(
      of: update, after: training, weighted, seed: configuration.seed, backend: backend)
  }

  /// The labels in the batch's order, as far as that matters; nil when the update does not tell them.
  func likelyLabels() -> [Int]? {
    if let knownLabels { return knownLabels }
    if counter.hasMixedLabels { return nil }
    // A label's number that was not sent, or that noise has drowned, is no basis for the search.
    if !counter.isNone, let bias = weighted.model.classifier?.bias,
      !(update.gradients[bias].doubles.contains { $0 < 0 })
    {
      return nil
    }
    if let training = update.training {
      return trainedLabels(training).flatMap {
        training.arrangements(of: $0, limit: 1)?.first
      }
    }
    if update.batchSize == 1 {
      return LabelRecovery.singleLabel(of: update, weighted).map { [$0] }
    }
    return LabelRecovery.batchLabels(of: update, weighted)
  }

  func residuals(
    _ labels: [Int]?, _ journal: inout TrialJournal
  ) throws(AttackError) -> MatchingResiduals {
    try onBackend("\(weighted.model.name) cannot be attacked") { () throws(GraphError) in
      try journal.compiling { () throws(GraphError) in
        try MatchingResiduals(
          weighted, update: matched, labels: labels, mode: mode, counter: counter,
          backend: backend)
      }
    }
  }

  var solver: LevenbergMarquardt { LevenbergMarquardt(algebra: backend.linearAlgebra) }

  private func secondOrderRule(_ deadline: ContinuousClock.Instant?) -> StoppingRule {
    var rule = StoppingRule(
      iterations: min(configuration.iterations, 200),
      solvedBelow: GradientInversion.roundingLevel * matched.squaredNorm,
      stagnationWindow: 8,
      stagnationFactor: isNoisy ? GradientInversion.noisyStagnation : 0.9)
    if update.relativeRounding > 0, counter.isNone {
      rule.roundingFloor = min(roundingEnergy, 1e-12 * matched.squaredNorm)
    }
    rule.deadline = deadline
    return rule
  }

  private func searchByLevenbergMarquardt(
    _ journal: inout TrialJournal, labels: [Int]?, _ observe: AttackObserver
  ) throws(AttackError) {
    let function = try residuals(labels, &journal)
    for trial in 0..<configuration.trials {
      try run(
        function, from: dummyBatch(trial, dimension: function.dimension), labels: labels, &journal,
        observe)
      if journal.wasStopped || isSolved(journal) { return }
    }
  }

  func run(
    _ function: MatchingResiduals, from start: [Double], labels: [Int]?,
    method: AttackMethod = .levenbergMarquardt, closedForm: AttackKind? = nil,
    _ journal: inout TrialJournal,
    _ observe: AttackObserver
  ) throws(AttackError) {
    let rule = secondOrderRule(journal.deadline)
    try journal.run(
      method: method, closedForm: closedForm,
      labels: { labels ?? mostLikelyLabels($0[function.imageCount...]) }, observe: observe,
      solve: { observer throws(AttackError) in
        try onBackend("\(weighted.model.name) cannot be attacked") { () throws(GraphError) in
          let outcome = try solver.minimizeSquares(
            function, from: start, until: rule, observe: observer)
          return TrialJournal.Outcome(
            labels == nil
              ? outcome.replacing(value: try valueWithWholeLabels(function, outcome.result))
              : outcome)
        }
      })
  }

  /// The matching loss with each sought label taken for certain: probabilities are free numbers to the
  /// solver, and some that are none fit updates that no label does.
  private func valueWithWholeLabels(
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
  func isSolved(_ journal: TrialJournal) -> Bool {
    guard let best = journal.best else { return false }
    return journal.entries[best].trial.matchingLoss <= acceptedLoss
  }

  /// Whether the batch is found, and no other can have its gradient.
  private func isCertain(_ journal: TrialJournal) -> Bool {
    isSolved(journal) && equationBound >= batchShape.elementCount
  }

  /// What was asked for; with noise what the true images would have, since nothing better can be told
  /// from them: the noise's energy, and the prior's, about one noise variance for each of its terms.
  var acceptedLoss: Double {
    let expected = counter.noiseEnergy + 3 * counter.noiseVariance * Double(batchShape.elementCount)
    return max(solvedBelow * matched.squaredNorm, GradientInversion.noiseMargin * expected)
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
    min(4 * update.relativeRounding, GradientInversion.largestRounding)
  }

  private static let largestRounding = 1e-2

  /// A start near mid-grey, where activations are not saturated; labels uniform.
  func dummyBatch(_ trial: Int, dimension: Int) -> [Double] {
    var source = RandomSource(seed: configuration.seed).derive(label: "trial").derive(index: trial)
    let pixels = batchShape.elementCount
    let share = 1 / Double(max(weighted.model.classCount, 2))
    return (0..<dimension).map { $0 < pixels ? 0.5 + 0.3 * source.normal() : share }
  }

  // MARK: - Automatic

  /// The best that applies, from the surest to the most general.
  func automatic(_ observe: AttackObserver) throws(AttackError) -> AttackResult {
    var journal = TrialJournal(
      batchShape: batchShape, deadline: deadline, training: update.training)
    let applies = missingFact(AttackKind.levenbergMarquardt.needs) == nil
    guard applies else { return try withWhatIsKnown(&journal, observe) }
    var layers = try peelBatch(&journal, observe)
    if isSmoothestFound(journal) {
      return judged(journal, layers: layers, observe)
    }
    if !journal.wasStopped, !isSolved(journal) {
      layers += try closedForms(&journal, observe)
    }
    if !journal.wasStopped, !isSolved(journal) {
      // Where time is short, a search that it does not suffice for is not begun with.
      let isDear = try isDear(&journal)
      if isDear {
        try searchByPresets(share: Self.presetShare, &journal, observe)
      }
      journal.give(share: isDear ? 1 : Self.secondOrderShare)
      if !journal.wasStopped, !isSolved(journal) { try searchByDescent(&journal, observe) }
      journal.give(share: 1)
      if isDear, !isCertain(journal) { try compare(&journal) }
      if !isDear, !journal.wasStopped, !isCertain(journal) {
        try searchByPresets(&journal, observe)
        try compare(&journal)
      }
    } else if !journal.wasStopped, !isCertain(journal) {
      try searchByPresets(&journal, observe)
      try compare(&journal)
    }
    if journal.best == nil {
      journal.enterNothing(
        labels: likelyLabels() ?? [Int](repeating: 0, count: update.batchSize),
        loss: matched.squaredNorm)
    }
    return judged(journal, layers: layers, observe)
  }

  /// Share of the time that Levenberg-Marquardt and L-BFGS may take before the presets have theirs, and of
  /// the presets where they come first.
  private static let (secondOrderShare, presetShare) = (0.6, 0.75)

  /// Normal matrices that Levenberg-Marquardt fills before it is done, roughly.
  private static let usualMatrices = 4.0

  /// Whether Levenberg-Marquardt will not come far in its share of the time, judging by one evaluation;
  /// never without a limit.
  private func isDear(_ journal: inout TrialJournal) throws(AttackError) -> Bool {
    guard let deadline else { return false }
    let clock = ContinuousClock()
    let function = try journal.compiling { () throws(AttackError) in
      try compile(labels: likelyLabels() ?? [Int](repeating: 0, count: update.batchSize))
    }
    let point = dummyBatch(0, dimension: function.dimension)
    let start = clock.now
    _ = try journal.searching { () throws(AttackError) in try value(of: function, at: point) }
    // A product with JᵀJ takes about two evaluations.
    let seconds =
      Self.usualMatrices * Double(function.dimension) * 2 * (clock.now - start).seconds
    return seconds > Self.secondOrderShare * (deadline - clock.now).seconds
  }

  /// Levenberg-Marquardt with likely labels, with labels that are sought, and L-BFGS.
  private func searchByDescent(
    _ journal: inout TrialJournal, _ observe: AttackObserver
  ) throws(AttackError) {
    let labels = likelyLabels()
    try searchWithLikelyLabels(&journal, observe)
    if labels != nil, knownLabels == nil, update.training == nil, !journal.wasStopped,
      !isSolved(journal)
    {
      try searchByLevenbergMarquardt(&journal, labels: nil, observe)
    }
    if !journal.wasStopped, !isSolved(journal) {
      try searchByGradientDescent(&journal, labels: labels, observe)
    }
  }

  /// L-BFGS, which needs no curvature where the gradient's Jacobian vanishes, from the best point so
  /// far and from a random start.
  private func searchByGradientDescent(
    _ journal: inout TrialJournal, labels: [Int]?, _ observe: AttackObserver
  ) throws(AttackError) {
    let function = try residuals(labels, &journal)
    var starts = [dummyBatch(configuration.trials, dimension: function.dimension)]
    if let best = journal.best, journal.entries[best].images.allSatisfy(\.isFinite) {
      starts.insert(
        journal.entries[best].images + starts[0].dropFirst(batchShape.elementCount), at: 0)
    }
    for start in starts {
      try journal.run(
        method: .lbfgs, labels: { labels ?? mostLikelyLabels($0[function.imageCount...]) },
        observe: observe,
        solve: { observer throws(AttackError) in
          try onBackend("\(weighted.model.name) cannot be attacked") { () throws(GraphError) in
            let result = try LBFGS().minimize(
              function.matching, from: start, until: searchRule, observe: observer)
            return TrialJournal.Outcome(
              labels == nil
                ? result.replacing(value: try valueWithWholeLabels(function, result)) : result)
          }
        })
      if journal.wasStopped || isSolved(journal) { return }
    }
  }

  /// Reads the examples off their gradient where that is possible.
  private func closedForms(
    _ journal: inout TrialJournal, _ observe: AttackObserver
  ) throws(AttackError) -> [LayerPeeling.Layer] {
    guard let solution = journal.searching({ findClosedForm(observe) }) else { return [] }
    try enter(solution, &journal, observe)
    return solution.layers
  }

  /// Enters a closed form's solution as a trial, and polishes it where that is worth it.
  func enter(
    _ solution: ClosedFormSolution, _ journal: inout TrialJournal, _ observe: AttackObserver
  ) throws(AttackError) {
    if counter.hasMixedLabels {
      // The layers tell the image, whatever its labels; the search finds their shares.
      let share = 1 / Double(max(weighted.model.classCount, 2))
      let shares = [Double](repeating: share, count: update.batchSize * weighted.model.classCount)
      try run(
        try residuals(nil, &journal), from: solution.images.doubles + shares, labels: nil,
        method: .polish(solution.method), &journal, observe)
      return
    }
    let function = try residuals(solution.labels, &journal)
    // Noise is multiplied with the layers' condition numbers, and no image lies so far out.
    let start =
      counter.isNone
      ? solution.images.doubles : solution.images.doubles.map { min(max($0, -1), 2) }
    let loss = try value(of: function, at: start)
    let isExact = loss <= acceptedLoss
    let result = SolverResult(
      point: start, value: loss, iterations: 0, evaluations: 1,
      reason: isExact ? .solved : .converged)
    try journal.run(
      method: solution.method, closedForm: solution.method.closedForm,
      labels: { _ in solution.labels }, observe: observe,
      solve: { _ in TrialJournal.Outcome(result) })
    // Rounding of the closed form, or of the update, can be taken back by a few full steps.
    var isWorthIt = update.batchSize == 1 || !isExact
    if isWorthIt, !counter.isNone {
      let random = dummyBatch(0, dimension: function.dimension)
      isWorthIt = loss < (try value(of: function, at: random))
    }
    if loss > GradientInversion.polishLevel * matched.squaredNorm, isWorthIt, !journal.wasStopped {
      try run(
        function, from: start, labels: solution.labels, method: .polish(solution.method),
        closedForm: solution.method.closedForm, &journal, observe)
    }
  }

  /// Relative matching loss below which a closed form needs no polish.
  private static let polishLevel = 1e-20

  // MARK: - Diagnosis

  /// The result with what its end means; at least one trial must have run.
  private func judged(
    _ journal: TrialJournal, layers: [LayerPeeling.Layer] = [], _ observe: AttackObserver
  ) -> AttackResult {
    guard let best = journal.best else { preconditionFailure("an attack without a trial") }
    let entry = journal.entries[best]
    let loss = entry.trial.matchingLoss
    let isSolved = isSolved(journal)
    let isMeasured = isSolved && !isNoisy && equationBound >= batchShape.elementCount
    let evidence = isSolved || layers.isEmpty ? nil : peelingEvidence(observe)
    let diagnosis = Diagnosis(
      Diagnosis.Evidence(
        matchingLoss: loss,
        relativeMatchingLoss: loss / max(matched.squaredNorm, .leastNormalMagnitude),
        isSolved: isSolved, isClosedForm: entry.closedForm != nil,
        unknowns: batchShape.elementCount, equationBound: equationBound,
        error: isMeasured
          ? impliedError(
            images: Tensor(batchShape, .f64(entry.images)),
            labels: counter.hasMixedLabels ? nil : entry.labels, loss: loss,
            closedForm: entry.closedForm, extremeEigenvalues: entry.extremeEigenvalues, observe)
          : nil,
        layers: evidence?.layers ?? layers, isNoisy: isNoisy,
        relativeRounding: update.relativeRounding, misfit: misfit ?? evidence?.misfit,
        wasCutShort: journal.wasCutShort, methods: journal.entries.map(\.trial.method.name)))
    var result = journal.result(layers: evidence?.layers ?? layers, diagnosis: diagnosis)
    result.misfit = evidence?.misfit
    return result
  }
}

import TensorGraph

extension GradientInversion {
  /// Takes a batch apart at the last layer and peels the layers below; where they leave the images
  /// open, seeks them with everything behind known. Enters trials when it comes so far; an update that
  /// several local steps or a defence are behind is left alone.
  ///
  /// - Returns: what the layers gave; nothing where this does not apply.
  func peelBatch(
    _ journal: inout TrialJournal, _ observe: AttackObserver
  ) throws(AttackError) -> [LayerPeeling.Layer] {
    guard counter.isNone, update.training == nil,
      let peeled = journal.searching({ try? peeledBatch(observe) })
    else { return [] }
    switch peeled.outcome {
    case .images(let result):
      let solution = ClosedFormSolution(result, labels: result.labels)
      if solution.isFinite { try enter(solution, &journal, observe) }
      return result.layers
    case .open(let end, let layers):
      try seek(below: end, peeled.labels, peeled.peeling, &journal, observe)
      return layers
    }
  }

  /// The closed form alone, for those who ask for it by name.
  ///
  /// - Throws: ``AttackError`` when the layers do not determine the images.
  func peeledBatchOnly(_ observe: AttackObserver) throws(AttackError) -> ClosedFormSolution {
    switch try peeledBatch(observe).outcome {
    case .images(let result):
      return ClosedFormSolution(result, labels: result.labels)
    case .open(let end, _):
      throw AttackError(
        "layer peeling reads the images' values at \(end.layer), and there the equations for what is "
          + "below are too few for \(update.batchSize) images in one step; use --attack auto")
    }
  }

  private func peeledBatch(_ observe: AttackObserver) throws(AttackError) -> (
    outcome: LayerPeeling.Outcome, labels: [Int], peeling: LayerPeeling
  ) {
    try stoppable(observe) { shouldStop throws(AttackError) in
      try peeledBatch { shouldStop(0) }
    }
  }

  /// - Parameter testsRank: see ``LayerPeeling``; the recursion then goes on where its equations are few.
  private func peeledBatch(
    testsRank: Bool = false, shouldStop: () -> Bool
  ) throws(AttackError) -> (
    outcome: LayerPeeling.Outcome, labels: [Int], peeling: LayerPeeling
  ) {
    let peeling = try LayerPeeling(
      model: weighted.model, batchSize: update.batchSize, mode: mode, backend: backend)
    try peeling.requireGradients(update)
    let start = try peelingStart(shouldStop: shouldStop)
    let outcome = try peeling.peel(
      from: start, parameters: weighted.parameters, buffers: weighted.buffers,
      gradients: update.gradients, stopsWhenOpen: !testsRank, testsRank: testsRank,
      shouldStop: shouldStop)
    return (outcome, start.labels, peeling)
  }

  /// The peeled layer's output for each image. A single one's cotangent is the bias's gradient itself.
  private func peelingStart(shouldStop: () -> Bool) throws(AttackError) -> LayerPeeling.Start {
    if update.batchSize == 1, let layer = weighted.model.lastPeeledLayer,
      case let gradient = ClassifierGradient(update, weighted.model, layer: layer),
      let sums = gradient.sums, let features = gradient.features,
      let label = knownLabels?.first ?? LabelRecovery.singleLabel(of: update, weighted)
    {
      let shape: Shape = [1, gradient.classCount]
      let outputs = weighted.outputs(of: layer, reading: features)
      return LayerPeeling.Start(
        cotangent: Tensor(shape, .f64(sums)), value: Tensor(shape, .f64(outputs)), labels: [label])
    }
    let batch = try ExampleSeparation(weighted, backend: backend).separate(
      update, knownLabels: knownLabels, seed: configuration.seed, shouldStop: shouldStop)
    return LayerPeeling.Start(
      cotangent: batch.cotangents, value: batch.logits, labels: batch.labels)
  }

  /// What the layers' equations are worth: those of a single image, each tested for open directions; nil
  /// where peeling does not apply or was stopped.
  func testedLayers(_ observe: AttackObserver) -> [LayerPeeling.Layer]? {
    guard update.batchSize == 1, update.training == nil,
      let peeled = try? stoppable(
        observe,
        { shouldStop throws(AttackError) in
          try peeledBatch(testsRank: true) { shouldStop(0) }
        }), case .images(let result) = peeled.outcome
    else { return nil }
    return result.layers
  }

  // MARK: - Below an open end

  /// Weights of neighbours' differences, one after the other, where the equations are too few: small
  /// beside equations, which are exact.
  private static let smoothnessWeights = [0.1, 0.01, 1e-3]

  /// Steps for each of them at most: the smoothest batch is one of many, and its last digits say nothing.
  private static let smoothingSteps = 40

  /// Relative matching loss below which a batch is near the right one, or, where the gradient does not
  /// determine it, one of those that share the gradient. A search without a wish for smoothness fits
  /// better, and shows less.
  private static let smoothFit = 1e-3

  /// Whether no search can tell more than the smoothest batch that was found.
  func isSmoothestFound(_ journal: TrialJournal) -> Bool {
    guard equationBound < batchShape.elementCount, let best = journal.best else { return false }
    let trial = journal.entries[best].trial
    return trial.method.name == AttackMethod.openEndName
      && trial.matchingLoss <= GradientInversion.smoothFit * matched.squaredNorm
  }

  /// Levenberg-Marquardt on ``OpenEndResiduals`` from random starts.
  private func seek(
    below end: LayerPeeling.OpenEnd, _ labels: [Int], _ peeling: LayerPeeling,
    _ journal: inout TrialJournal, _ observe: AttackObserver
  ) throws(AttackError) {
    let function = try residuals(labels, &journal)
    let residuals: OpenEndResiduals
    do {
      residuals = try journal.compiling { () throws(GraphError) in
        try OpenEndResiduals(peeling, end, weighted, update, backend: backend)
      }
    } catch {
      throw AttackError("\(weighted.model.name) cannot be attacked: \(error.message)")
    }
    let isDetermined = equationBound >= batchShape.elementCount
    for trial in 0..<configuration.trials {
      var point = dummyBatch(trial, dimension: residuals.dimension)
      for weight in isDetermined ? [0] : GradientInversion.smoothnessWeights {
        residuals.setSmoothness(weight)
        let zeros = [Double](repeating: 0, count: residuals.dimension)
        let scale = try value(of: residuals, at: zeros)
        let limit = isDetermined ? 200 : GradientInversion.smoothingSteps
        let rule = StoppingRule(
          iterations: min(configuration.iterations, limit), solvedBelow: 1e-29 * scale,
          stagnationWindow: isDetermined ? 8 : 4, stagnationFactor: 0.9)
        let start = point
        try journal.run(
          method: .openEnd(isDetermined: isDetermined), labels: { _ in labels },
          observe: observe,
          solve: { observer throws(AttackError) in
            try onBackend("\(weighted.model.name) cannot be attacked") { () throws(GraphError) in
              let outcome = try solver.minimizeSquares(
                residuals, from: start, until: rule, observe: observer)
              // In the books it is the matching loss that counts.
              let loss = try function.value(at: outcome.result.point)
              return TrialJournal.Outcome(outcome.replacing(value: loss))
            }
          })
        if journal.wasStopped { return }
        point = journal.entries.last?.images ?? point
      }
      if isSolved(journal) || !isDetermined { return }
      // Rounding of the update, which every layer multiplied, can be taken back by full steps.
      if let loss = journal.entries.last?.trial.matchingLoss,
        loss <= GradientInversion.smoothFit * matched.squaredNorm
      {
        return try run(function, from: point, labels: labels, &journal, observe)
      }
    }
  }
}

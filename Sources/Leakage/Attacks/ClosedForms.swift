import TensorGraph

/// What a closed-form attack gives before it is checked.
struct ClosedFormSolution {
  /// [N, C, H, W] in f64.
  let images: Tensor
  let labels: [Int]
  let method: AttackMethod
  var layers: [LayerPeeling.Layer] = []

  var isFinite: Bool { images.doubles.allSatisfy(\.isFinite) }
}

extension ClosedFormSolution {
  /// What layer peeling gave.
  init(_ result: LayerPeeling.Result, labels: [Int]) {
    self.init(
      images: result.images, labels: labels, method: .layerPeeling, layers: result.layers)
  }
}

extension GradientInversion {
  /// Runs one closed form, and says what its end means.
  func closedForm(_ kind: AttackKind, _ observe: AttackObserver) throws(AttackError) -> AttackResult
  {
    let clock = ContinuousClock()
    let start = clock.now
    var wasStopped = false
    let solution = try solution(kind, draws: nil) { progress, images in
      let decision = observe(progress, images)
      if case .stop = decision { wasStopped = true }
      return decision
    }
    let solved = clock.now
    // One evaluation tells how well the reconstruction's gradient fits the shared one.
    let function = try compile(labels: solution.labels)
    let loss = try value(of: function, at: solution.images.doubles)
    let relativeLoss = loss / max(matched.squaredNorm, .leastNormalMagnitude)
    let isExact = relativeLoss <= max(1e-12, acceptedRounding)
    let isWhole = equationBound >= batchShape.elementCount
    let evidence = isExact || solution.layers.isEmpty ? nil : peelingEvidence(observe)
    let diagnosis = Diagnosis(
      Diagnosis.Evidence(
        matchingLoss: loss, relativeMatchingLoss: relativeLoss, isSolved: isExact,
        isClosedForm: true, unknowns: batchShape.elementCount, equationBound: equationBound,
        error: isExact && isWhole
          ? impliedError(
            images: solution.images, labels: solution.labels, loss: loss, closedForm: kind,
            extremeEigenvalues: nil, observe) : nil,
        layers: evidence?.layers ?? solution.layers, relativeRounding: update.relativeRounding,
        misfit: misfit ?? evidence?.misfit,
        wasCutShort: wasStopped || isOverdue, methods: [solution.method.name]))
    var attack = AttackResult(
      images: solution.images, labels: solution.labels, matchingLoss: loss,
      trials: [
        AttackTrial(
          method: solution.method, category: solution.method.category(after: update.training),
          reason: isExact ? .solved : wasStopped ? .interrupted : .converged, iterations: 0,
          evaluations: 1, matchingLoss: loss, secondOrder: nil)
      ],
      bestTrial: 0, snapshots: [], layers: evidence?.layers ?? solution.layers,
      diagnosis: diagnosis,
      compileSeconds: (clock.now - solved).seconds, attackSeconds: (solved - start).seconds)
    attack.misfit = evidence?.misfit
    return attack
  }

  /// The first closed form that applies and gives finite numbers, from the cheapest to the dearest.
  func findClosedForm(_ observe: AttackObserver) -> ClosedFormSolution? {
    // Without a defence the automatic attack has tried layer peeling already.
    let kinds: [AttackKind] =
      update.batchSize > 1
      ? [.spear] : counter.isNone ? [.linear, .rGap, .april] : [.linear, .rGap, .peeling, .april]
    for kind in kinds {
      if let solution = try? solution(kind, draws: 200_000, observe), solution.isFinite {
        return solution
      }
    }
    return nil
  }

  /// - Parameter draws: of SPEAR, at most; nil for its own limit.
  func solution(
    _ kind: AttackKind, draws: Int?, _ observe: AttackObserver
  ) throws(AttackError) -> ClosedFormSolution {
    switch kind {
    case .linear:
      let result = try LinearLayerLeak(model: weighted.model).reconstruct(update)
      return ClosedFormSolution(
        images: result.image, labels: [try label(of: result.image)], method: .linearLayer)
    case .peeling:
      guard update.batchSize == 1 else { return try peeledBatchOnly(observe) }
      let result = try LayerPeeling(model: weighted.model, mode: mode, backend: backend)
        .reconstruct(update, weighted)
      return ClosedFormSolution(result, labels: [try label(of: result.images)])
    case .rGap:
      try requireSingleExample("R-GAP")
      try requireEveryGradient("R-GAP")
      let result = try RecursiveGradientAttack(model: weighted.model, backend: backend)
        .reconstruct(
          parameters: weighted.parameters, buffers: weighted.buffers, gradients: update.gradients)
      return ClosedFormSolution(
        images: result.images, labels: result.labels, method: .rGap, layers: result.layers)
    case .april:
      try requireEveryGradient("APRIL")
      let result = try April(weighted, backend: backend).reconstruct(update)
      return ClosedFormSolution(images: result.image, labels: [result.label], method: .april)
    case .spear:
      return try spear(draws: draws, observe)
    case .automatic, .levenbergMarquardt, .dlg, .idlg, .plan:
      throw AttackError("\(kind.rawValue) is no closed form")
    }
  }

  private func requireEveryGradient(_ name: String) throws(AttackError) {
    try update.requireOneGradient(name)
    guard update.isComplete else {
      throw AttackError(
        "\(name) needs the gradients of all parameters, and \(update.sharedParameters.count) of "
          + "\(update.gradients.count) were shared; use --attack auto")
    }
    guard weighted.model.normalization == nil else {
      throw AttackError(
        "\(name) reads pixels as the model takes them; leave --mean and --std out, or use --attack auto"
      )
    }
  }

  private func requireSingleExample(_ name: String) throws(AttackError) {
    guard update.batchSize == 1 else {
      throw AttackError(
        "\(name) reads one example off a gradient, and this one is the mean of "
          + "\(update.batchSize); use --attack auto")
    }
  }

  private func spear(
    draws: Int?, _ observe: AttackObserver
  ) throws(AttackError) -> ClosedFormSolution {
    try requireEveryGradient("SPEAR")
    let attack = try Spear(weighted, backend: backend)
    let result = try stoppable(observe) { shouldStop throws(AttackError) in
      try attack.reconstruct(update, seed: configuration.seed, draws: draws ?? 20_000_000) {
        count, _ in shouldStop(count)
      }
    }
    return ClosedFormSolution(images: result.images, labels: result.labels, method: .spear)
  }

  /// Runs work that has no images to show before its end, and lets the observer and the time limit end
  /// it.
  ///
  /// - Parameter body: asks what it is given now and then, with the steps so far.
  func stoppable<R>(
    _ observe: AttackObserver, _ body: ((Int) -> Bool) throws(AttackError) -> R
  ) throws(AttackError) -> R {
    let clock = ContinuousClock()
    let start = clock.now
    let nothing = Tensor(batchShape, .f64, repeating: 0.5)
    return try withoutActuallyEscaping(observe) { observe throws(AttackError) in
      try body { steps in
        let seconds = (clock.now - start).seconds
        let progress = AttackProgress(
          trial: 0,
          solver: SolverProgress(
            iteration: steps, evaluations: 0, value: update.squaredNorm, gradientNorm: 0),
          evaluations: 0, seconds: seconds)
        if case .stop = observe(progress, { nothing }) { return true }
        return isOverdue
      }
    }
  }
}

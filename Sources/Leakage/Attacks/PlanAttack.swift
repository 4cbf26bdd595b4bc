import TensorGraph

extension GradientInversion {
  /// Runs an ``OptimizationPlan`` with the configuration's precision, trials and iterations.
  func optimize(
    _ plan: OptimizationPlan, _ observe: AttackObserver
  ) throws(AttackError) -> AttackResult {
    var journal = TrialJournal(
      batchShape: batchShape, deadline: deadline, training: update.training)
    try search(
      plan, &journal, trials: configuration.trials, iterations: configuration.iterations,
      precision: configuration.precision, observe)
    return journal.result()
  }

  /// Enters the trials of `plan` into the journal.
  func search(
    _ plan: OptimizationPlan, _ journal: inout TrialJournal, trials: Int, iterations: Int,
    precision: Precision, _ observe: AttackObserver
  ) throws(AttackError) {
    let labels = try labels(for: plan)
    let functions = try stages(plan, labels, precision, &journal)
    var search = PlanSearch(
      plan: plan, functions: functions, batchShape: batchShape, squaredNorm: update.squaredNorm,
      iterations: iterations, solvedBelow: configuration.solvedBelow)
    let epochs = plan.separateEpochs(of: update.training)
    if epochs > 1, let training = update.training {
      search.epochs = EpochMatching(epochs: epochs, clients: training.clientRanges)
    }
    for trial in 0..<trials {
      let source = RandomSource(seed: configuration.seed).derive(label: "trial")
        .derive(index: trial)
      let start = try startingPoint(plan.initialization, functions[0], source)
      try journal.run(
        method: .plan(plan),
        labels: { labels ?? mostLikelyLabels($0[batchShape.elementCount...], form: .logits) },
        observe: observe,
        solve: { observer throws(AttackError) in
          try onBackend("\(weighted.model.name) cannot be attacked") { () throws(GraphError) in
            try search.run(from: start, noise: source.derive(label: "noise"), observer)
          }
        })
      if journal.wasStopped || journal.entries.last?.trial.reason == .solved { return }
    }
  }

  /// Compiles the plan's objective, once for each scale.
  private func stages(
    _ plan: OptimizationPlan, _ labels: [Int]?, _ precision: Precision,
    _ journal: inout TrialJournal
  ) throws(AttackError) -> [PlanFunction] {
    let matched = try matchedParameters(plan.objective)
    let features = try recoveredFeatures(plan, labels)
    if plan.prior.batchNorm.weight > 0, weighted.model.batchNormCount == 0 {
      throw AttackError(
        "\(plan.name) needs batch normalisation, which \(weighted.model.name) lacks; choose another "
          + "model, or switch the prior off with prior.batchNorm=0")
    }
    var functions: [PlanFunction] = []
    for scale in plan.scales {
      do {
        functions.append(
          try journal.compiling { () throws(GraphError) in
            try PlanFunction(
              plan, weighted, update: update, labels: labels, matched: matched,
              features: features, scale: scale, precision: precision, mode: mode,
              backend: backend)
          })
      } catch {
        throw AttackError("\(weighted.model.name) cannot be attacked: \(error.message)")
      }
    }
    return functions
  }

  /// Indices of the parameters that the objective matches.
  private func matchedParameters(
    _ objective: MatchingObjective
  ) throws(AttackError) -> [Int] {
    let names = weighted.model.parameters.map(\.name)
    guard !objective.parameters.isEmpty else { return update.sharedParameters }
    for beginning in objective.parameters where !names.contains(where: { $0.hasPrefix(beginning) })
    {
      let suggestion =
        nearestSpelling(to: beginning, in: names).map { "; did you mean \($0)?" } ?? ""
      throw AttackError(
        "objective.parameters names \"\(beginning.prefix(80))\", with which no parameter of "
          + "\(weighted.model.name) begins\(suggestion)")
    }
    let matched = update.sharedParameters.filter { index in
      objective.parameters.contains { names[index].hasPrefix($0) }
    }
    guard !matched.isEmpty else {
      throw AttackError(
        "none of the parameters that objective.parameters names was shared; name others")
    }
    return matched
  }

  /// For each image the features that the last layer read: exactly where ``ExampleSeparation`` tells
  /// them, or else row y of its weight's gradient divided by its bias's (Yin et al. 2021), zeros where
  /// that vanishes. Nil when the plan does not ask.
  private func recoveredFeatures(
    _ plan: OptimizationPlan, _ labels: [Int]?
  ) throws(AttackError) -> Tensor? {
    guard plan.prior.features.weight > 0 else { return nil }
    try update.requireOneGradient("the prior on features")
    guard let labels, weighted.model.hasKnownFeatures,
      let gradient = ClassifierGradient(update, weighted.model), let rows = gradient.rows,
      let sums = gradient.sums
    else {
      throw AttackError(
        "\(plan.name) reads features off the gradient of a fully connected last layer with bias, for "
          + "given labels; switch the prior off with prior.features=0")
    }
    let width = gradient.featureCount
    if let exact = separatedFeatures(labels) { return exact }
    return Tensor(
      [labels.count, width],
      .f64(
        labels.flatMap { label in
          (0..<width).map { sums[label] == 0 ? 0 : rows[label * width + $0] / sums[label] }
        }))
  }

  /// Features [N, F] in the order of the labels; nil where the gradient does not tell them exactly.
  private func separatedFeatures(_ labels: [Int]) -> Tensor? {
    guard
      let batch = try? ExampleSeparation(weighted, backend: backend).separate(
        update, knownLabels: labels, seed: configuration.seed)
    else { return nil }
    // The separation's labels ascend.
    let order = labels.indices.sorted { (labels[$0], $0) < (labels[$1], $1) }
    let width = batch.features.shape[1]
    let rows = batch.features.doubles
    var result = [Double](repeating: 0, count: rows.count)
    for (row, example) in order.enumerated() {
      result.replaceSubrange(
        example * width..<(example + 1) * width, with: rows[row * width..<(row + 1) * width])
    }
    return Tensor(batch.features.shape, .f64(result))
  }

  /// The first dummy images, followed by label logits where those are sought.
  private func startingPoint(
    _ initialization: Initialization, _ function: PlanFunction, _ source: RandomSource
  ) throws(AttackError) -> [Double] {
    var source = source
    let shape = function.dummyShape
    var point: [Double]
    if initialization.kind == .given {
      guard let given = startingImages, given.shape == batchShape else {
        throw AttackError(
          "the plan starts from given images of \(batchShape), and there are "
            + (startingImages.map { "some of \($0.shape)" } ?? "none; give them with --start"))
      }
      let scaled = given.doubles.resized(from: batchShape, to: batchShape.resized(like: shape))
      point = (0..<shape[0] / batchShape[0]).flatMap { _ in scaled }
    } else {
      point = initialization.draw(shape, &source)
      if let normalization = weighted.model.normalization {
        // Drawn as the model sees it.
        point = normalization.pixels(point, imageElements: shape.elementCount / shape[0])
      }
    }
    while point.count < function.dimension { point.append(source.normal()) }
    return point
  }
}

extension Initialization {
  /// Dummy images [N, C, H, W] of any kind but given ones.
  fileprivate func draw(_ shape: Shape, _ source: inout RandomSource) -> [Double] {
    switch kind {
    case .normal:
      return (0..<shape.elementCount).map { _ in mean + deviation * source.normal() }
    case .uniform:
      return (0..<shape.elementCount).map { _ in
        mean + deviation * (2 * source.uniform() - 1)
      }
    case .constant:
      return [Double](repeating: mean, count: shape.elementCount)
    case .pattern:
      let (height, width) = (shape[2], shape[3])
      return (0..<shape[0] * shape[1]).flatMap { _ in
        let pattern = (0..<tile * tile).map { _ in mean + deviation * source.normal() }
        return (0..<height * width).map {
          pattern[$0 / width % tile * tile + $0 % width % tile]
        }
      }
    case .given:
      preconditionFailure("given images are not drawn")
    }
  }
}

extension Shape {
  /// These images at the height and width of others.
  fileprivate func resized(like other: Shape) -> Shape {
    [self[0], self[1], other[2], other[3]]
  }
}

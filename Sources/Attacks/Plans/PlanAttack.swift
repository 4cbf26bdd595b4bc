import Clients
import Solvers
import TensorGraph

/// An attack that is an ``OptimizationPlan``: a preset, or the user's own.
public struct PlanAttack: Attack {
  /// What is run.
  public let plan: OptimizationPlan
  /// The JSON of a preset's difference from the default; nil for other plans.
  public let source: String?

  /// The attack that runs `plan`.
  public init(_ plan: OptimizationPlan, source: String? = nil) {
    self.plan = plan
    self.source = source
  }

  /// What the plan says of itself.
  public var descriptor: AttackDescriptor {
    AttackDescriptor(
      name: AttackName(rawValue: plan.name), summary: plan.about.summary,
      paper: plan.about.paper, needs: plan.needs, category: plan.category, searches: true)
  }

  /// With the configuration's precision, trials and iterations.
  public func run(_ problem: AttackProblem, _ run: inout AttackRun) throws(AttackError) {
    let configuration = problem.configuration
    try search(
      trials: configuration.trials, iterations: configuration.iterations,
      precision: configuration.precision, problem, &run)
  }

  /// Enters the trials.
  func search(
    trials: Int, iterations: Int, precision: Precision, _ problem: AttackProblem,
    _ run: inout AttackRun
  ) throws(AttackError) {
    guard plan.inputs == .free else {
      return try searchStructured(
        trials: trials, iterations: iterations, precision: precision, problem, &run)
    }
    let (update, shape) = (problem.update, problem.batchShape)
    let labels = try problem.labels(for: plan)
    let known = PlanFunction.Known(
      labels: labels, matched: try matchedParameters(of: problem),
      features: try recoveredFeatures(labels, problem))
    let functions = try stages(known, precision, problem, &run)
    var search = PlanSearch(
      plan: plan, functions: functions, batchShape: shape, squaredNorm: update.squaredNorm,
      iterations: iterations, solvedBelow: problem.configuration.solvedBelow)
    let epochs = plan.separateEpochs(of: update.training)
    if epochs > 1, let training = update.training {
      search.epochs = EpochMatching(epochs: epochs, clients: training.clientRanges)
    }
    for trial in 0..<trials {
      let source = RandomSource(seed: problem.configuration.seed).derive(label: "trial")
        .derive(index: trial)
      let start = try startingPoint(functions[0], source, problem)
      try run.search(
        method: descriptor.method,
        labels: {
          labels ?? problem.mostLikelyLabels($0[shape.elementCount...], form: .logits)
        },
        solve: { observer throws(GraphError) in
          try search.run(from: start, noise: source.derive(label: "noise"), observer)
        })
      if run.isFinished { return }
    }
  }

  /// Compiles the plan's objective, once for each scale.
  private func stages(
    _ known: PlanFunction.Known, _ precision: Precision, _ problem: AttackProblem,
    _ run: inout AttackRun
  ) throws(AttackError) -> [PlanFunction] {
    let model = problem.weighted.model
    if plan.prior.batchNorm.weight > 0, model.batchNormCount == 0 {
      throw AttackError(
        "\(plan.name) needs batch normalisation, which \(model.name) lacks; choose another model, or "
          + "switch the prior off with prior.batchNorm=0")
    }
    var functions: [PlanFunction] = []
    for scale in plan.scales {
      functions.append(
        try run.compiling { () throws(GraphError) in
          try PlanFunction(plan, problem, known, scale: scale, precision: precision)
        })
    }
    return functions
  }

  /// Indices of the parameters that the objective matches.
  private func matchedParameters(of problem: AttackProblem) throws(AttackError) -> [Int] {
    let objective = plan.objective
    let names = problem.weighted.model.parameters.map(\.name)
    guard !objective.parameters.isEmpty else { return problem.update.sharedParameters }
    for beginning in objective.parameters where !names.contains(where: { $0.hasPrefix(beginning) })
    {
      let suggestion =
        nearestSpelling(to: beginning, in: names).map { "; did you mean \($0)?" } ?? ""
      throw AttackError(
        "objective.parameters names \"\(beginning.prefix(80))\", with which no parameter of "
          + "\(problem.weighted.model.name) begins\(suggestion)")
    }
    let matched = problem.update.sharedParameters.filter { index in
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
    _ labels: [Int]?, _ problem: AttackProblem
  ) throws(AttackError) -> Tensor? {
    guard plan.prior.features.weight > 0 else { return nil }
    try problem.update.requireOneGradient("the prior on features")
    guard let labels, problem.weighted.model.hasKnownFeatures,
      let gradient = ClassifierGradient(problem.update, problem.weighted.model),
      let rows = gradient.rows,
      let sums = gradient.sums
    else {
      throw AttackError(
        "\(plan.name) reads features off the gradient of a fully connected last layer with bias, for "
          + "given labels; switch the prior off with prior.features=0")
    }
    let width = gradient.featureCount
    if let exact = try separatedFeatures(labels, problem) { return exact }
    return Tensor(
      [labels.count, width],
      .f64(
        labels.flatMap { label in
          (0..<width).map { sums[label] == 0 ? 0 : rows[label * width + $0] / sums[label] }
        }))
  }

  /// Features [N, F] in the order of the labels; nil where the gradient does not tell them exactly.
  private func separatedFeatures(
    _ labels: [Int], _ problem: AttackProblem
  ) throws(AttackError) -> Tensor? {
    let separated = try AttackError.ifApplicable { () throws(AttackError) in
      try ExampleSeparation(problem.weighted, backend: problem.backend).separate(
        problem.update, knownLabels: labels, seed: problem.configuration.seed)
    }
    guard let batch = separated else { return nil }
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
    _ function: PlanFunction, _ source: RandomSource, _ problem: AttackProblem
  ) throws(AttackError) -> [Double] {
    var source = source
    let (initialization, shape) = (plan.initialization, function.dummyShape)
    var point: [Double]
    if initialization.kind == .given {
      guard let given = problem.startingImages, given.shape == problem.batchShape else {
        throw AttackError(
          "the plan starts from given images of \(problem.batchShape), and there are "
            + (problem.startingImages.map { "some of \($0.shape)" }
              ?? "none; give some"))
      }
      let scaled = given.doubles.resized(
        from: problem.batchShape, to: problem.batchShape.resized(like: shape))
      point = (0..<shape[0] / problem.batchShape[0]).flatMap { _ in scaled }
    } else {
      point = initialization.draw(shape, &source)
      if let normalization = problem.weighted.model.normalization {
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

import TensorGraph

/// Attacks a shared update: seeks the private batch whose gradient it is.
public struct GradientInversion: Sendable {
  let weighted: WeightedModel
  let update: SharedUpdate
  let configuration: AttackConfiguration
  let mode: ForwardMode
  let backend: any Backend

  /// - Throws: ``AttackError`` when the update does not fit the model or a setting is out of range.
  public init(
    _ weighted: WeightedModel, update: SharedUpdate, configuration: AttackConfiguration,
    mode: ForwardMode = .evaluation, backend: any Backend
  ) throws(AttackError) {
    guard update.gradients.map(\.shape) == weighted.model.parameters.map(\.shape) else {
      throw AttackError("the update's tensors do not fit the parameters of \(weighted.model.name)")
    }
    try configuration.validate()
    self.weighted = weighted
    self.update = update
    self.configuration = configuration
    self.mode = mode
    self.backend = backend
  }

  /// Runs the attack.
  ///
  /// - Parameter observe: called after every iteration of a search, with the progress and the current
  ///   images [N, C, H, W], which are made only if asked for.
  /// - Throws: ``AttackError`` when the attack does not apply to this model or update.
  public func run(
    observe: (AttackProgress, @escaping () -> Tensor) -> SolverDecision = { _, _ in .proceed }
  ) throws(AttackError) -> AttackResult {
    switch configuration.attack {
    case .automatic:
      try automatic(observe)
    case .levenbergMarquardt:
      try levenbergMarquardt(observe)
    case .dlg:
      try search(labels: nil, observe)
    case .idlg:
      try search(
        labels: [LabelRecovery.singleLabel(of: update, model: weighted.model)], observe)
    case .linear, .peeling, .rGap, .april, .spear:
      try closedForm(configuration.attack, observe)
    }
  }

  func compile(labels: [Int]?) throws(AttackError) -> MatchingFunction {
    do {
      return try MatchingFunction(
        weighted, update: update, labels: labels, precision: configuration.precision, mode: mode,
        backend: backend)
    } catch {
      throw AttackError("\(weighted.model.name) cannot be attacked: \(error.message)")
    }
  }

  /// The type of the private batch, in f64.
  var batchShape: Shape {
    Shape([update.batchSize] + weighted.model.inputShape.dimensions)
  }

  // MARK: - Search

  /// The paper's search, by L-BFGS from standard normal dummies.
  private func search(
    labels: [Int]?, _ observe: (AttackProgress, @escaping () -> Tensor) -> SolverDecision
  ) throws(AttackError) -> AttackResult {
    var journal = TrialJournal(batchShape: batchShape, timeLimit: configuration.timeLimit)
    let function = try journal.compiling { () throws(AttackError) in try compile(labels: labels) }
    for trial in 0..<configuration.trials {
      try journal.run(
        method: "l-bfgs", labels: { labels ?? mostLikelyLabels($0[function.imageCount...]) },
        observe: observe,
        solve: { observer in
          TrialJournal.Outcome(
            LBFGS().minimize(
              function, from: startingPoint(trial, dimension: function.dimension),
              until: searchRule, observe: observer))
        })
      if journal.wasStopped || journal.entries.last?.trial.reason == .solved { break }
    }
    return journal.result()
  }

  var searchRule: StoppingRule {
    StoppingRule(
      iterations: configuration.iterations,
      solvedBelow: configuration.solvedBelow * update.squaredNorm)
  }

  /// Dummy data and labels from the standard normal distribution (Zhu et al. 2019, Algorithm 1).
  private func startingPoint(_ trial: Int, dimension: Int) -> [Double] {
    var source = RandomSource(seed: configuration.seed).derive(label: "trial").derive(index: trial)
    return (0..<dimension).map { _ in source.normal() }
  }

  /// The class with the largest logit or probability, for each example.
  func mostLikelyLabels(_ scores: ArraySlice<Double>) -> [Int] {
    let classes = weighted.model.classCount
    let scores = Array(scores)
    return (0..<update.batchSize).map { example in
      (0..<classes).max {
        scores[example * classes + $0] < scores[example * classes + $1]
      } ?? 0
    }
  }
}

extension ObjectiveFunction {
  /// The value at one point.
  func value(at point: [Double]) -> Double {
    var gradient = [Double](repeating: 0, count: dimension)
    return point.withUnsafeBufferPointer { point in
      gradient.withUnsafeMutableBufferPointer { evaluate(at: point, gradient: $0) }
    }
  }
}

import TensorGraph

/// Attacks a shared update: seeks the private batch whose gradient it is.
public struct GradientInversion: Sendable {
  private let weighted: WeightedModel
  private let update: SharedUpdate
  private let configuration: AttackConfiguration
  private let mode: ForwardMode
  private let backend: any Backend

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
    case .dlg:
      try search(labels: nil, observe)
    case .idlg:
      try search(
        labels: [LabelRecovery.singleLabel(of: update, model: weighted.model)], observe)
    case .linear:
      try closedForm { () throws(AttackError) in
        let result = try LinearLayerLeak(model: weighted.model).reconstruct(update)
        return (result.image, result.label, [])
      }
    case .peeling:
      try closedForm { () throws(AttackError) in
        guard update.batchSize == 1 else {
          throw AttackError(
            "layer peeling reads one example off a gradient, and this one is the mean of "
              + "\(update.batchSize); use --attack dlg")
        }
        let result = try LayerPeeling(model: weighted.model, backend: backend).reconstruct(
          parameters: weighted.parameters, buffers: weighted.buffers, gradients: update.gradients)
        return (result.image, result.label, result.layers)
      }
    }
  }

  private func compile(labels: [Int]?) throws(AttackError) -> MatchingFunction {
    do {
      return try MatchingFunction(
        weighted, update: update, labels: labels, precision: configuration.precision, mode: mode,
        backend: backend)
    } catch {
      throw AttackError("\(weighted.model.name) cannot be attacked: \(error.message)")
    }
  }

  /// The type of the private batch, in f64.
  private var batchShape: Shape {
    Shape([update.batchSize] + weighted.model.inputShape.dimensions)
  }

  // MARK: - Closed form

  private func closedForm(
    _ solve: () throws(AttackError) -> (image: Tensor, label: Int, layers: [LayerPeeling.Layer])
  ) throws(AttackError) -> AttackResult {
    let clock = ContinuousClock()
    let start = clock.now
    let solution = try solve()
    let solved = clock.now
    // One evaluation tells how well the reconstruction's gradient fits the shared one.
    let function = try compile(labels: [solution.label])
    let loss = function.value(at: solution.image.doubles)
    let isExact = loss <= 1e-12 * max(update.squaredNorm, .leastNormalMagnitude)
    return AttackResult(
      images: solution.image, labels: [solution.label], matchingLoss: loss,
      trials: [
        AttackTrial(
          reason: isExact ? .solved : .converged, iterations: 0, evaluations: 1,
          matchingLoss: loss)
      ],
      bestTrial: 0, snapshots: [], layers: solution.layers,
      compileSeconds: (clock.now - solved).seconds, attackSeconds: (solved - start).seconds)
  }

  // MARK: - Search

  private func search(
    labels: [Int]?, _ observe: (AttackProgress, @escaping () -> Tensor) -> SolverDecision
  ) throws(AttackError) -> AttackResult {
    let clock = ContinuousClock()
    let compileStart = clock.now
    let function = try compile(labels: labels)
    let start = clock.now
    var trials: [(trial: AttackTrial, point: [Double])] = []
    var snapshots: [AttackSnapshot] = []
    var evaluations = 0
    let rule = StoppingRule(
      iterations: configuration.iterations,
      solvedBelow: configuration.solvedBelow * update.squaredNorm)
    for trial in 0..<configuration.trials {
      var schedule = SnapshotSchedule()
      let result = LBFGS().minimize(
        function, from: startingPoint(trial, dimension: function.dimension), until: rule
      ) { progress, point in
        let images = { Tensor(batchShape, .f64, Array(point[0..<function.imageCount])) }
        if schedule.isDue(progress.iteration) {
          snapshots.append(
            AttackSnapshot(
              trial: trial, iteration: progress.iteration, evaluations: progress.evaluations,
              matchingLoss: progress.value, images: images()))
        }
        let seconds = (clock.now - start).seconds
        let whole = AttackProgress(
          trial: trial, solver: progress, evaluations: evaluations + progress.evaluations,
          seconds: seconds)
        if case .stop(let reason) = observe(whole, images) { return .stop(reason) }
        if let limit = configuration.timeLimit, seconds >= limit { return .stop(.timeLimit) }
        return .proceed
      }
      evaluations += result.evaluations
      let record = AttackTrial(
        reason: result.reason, iterations: result.iterations, evaluations: result.evaluations,
        matchingLoss: result.value)
      trials.append((record, result.point))
      snapshots.append(
        AttackSnapshot(
          trial: trial, iteration: result.iterations, evaluations: result.evaluations,
          matchingLoss: result.value,
          images: Tensor(batchShape, .f64, Array(result.point[0..<function.imageCount]))))
      if [.solved, .interrupted, .timeLimit].contains(result.reason) { break }
    }
    return summary(
      trials, snapshots: snapshots, labels: labels, imageCount: function.imageCount,
      compileSeconds: (start - compileStart).seconds, attackSeconds: (clock.now - start).seconds)
  }

  private func summary(
    _ trials: [(trial: AttackTrial, point: [Double])], snapshots: [AttackSnapshot],
    labels: [Int]?, imageCount: Int, compileSeconds: Double, attackSeconds: Double
  ) -> AttackResult {
    func rank(_ index: Int) -> Double {
      let loss = trials[index].trial.matchingLoss
      return loss.isNaN ? .infinity : loss
    }
    let best = trials.indices.min { rank($0) < rank($1) } ?? 0
    let point = trials[best].point
    return AttackResult(
      images: Tensor(batchShape, .f64, Array(point[0..<imageCount])),
      labels: labels ?? mostLikelyLabels(Array(point[imageCount...])),
      matchingLoss: trials[best].trial.matchingLoss, trials: trials.map(\.trial),
      bestTrial: best, snapshots: snapshots, layers: [], compileSeconds: compileSeconds,
      attackSeconds: attackSeconds)
  }

  /// Dummy data and labels from the standard normal distribution (Zhu et al. 2019, Algorithm 1).
  private func startingPoint(_ trial: Int, dimension: Int) -> [Double] {
    var source = RandomSource(seed: configuration.seed).derive(label: "trial").derive(index: trial)
    return (0..<dimension).map { _ in source.normal() }
  }

  /// The class with the largest logit, for each example.
  private func mostLikelyLabels(_ logits: [Double]) -> [Int] {
    let classes = weighted.model.classCount
    return (0..<update.batchSize).map { example in
      (0..<classes).max {
        logits[example * classes + $0] < logits[example * classes + $1]
      } ?? 0
    }
  }
}

/// Iterations at which snapshots are kept: the first ones, then ever fewer, each 5 % later.
private struct SnapshotSchedule {
  private var next = 0

  mutating func isDue(_ iteration: Int) -> Bool {
    guard iteration >= next else { return false }
    next = max(iteration + 1, Int((Double(iteration) * 1.05).rounded(.up)))
    return true
  }
}

extension MatchingFunction {
  /// The matching loss at one point.
  fileprivate func value(at point: [Double]) -> Double {
    var gradient = [Double](repeating: 0, count: dimension)
    return point.withUnsafeBufferPointer { point in
      gradient.withUnsafeMutableBufferPointer { evaluate(at: point, gradient: $0) }
    }
  }
}

extension Duration {
  /// This duration in seconds.
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}

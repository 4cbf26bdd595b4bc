import TensorGraph

/// Attacks a shared update: seeks the private batch whose gradient it is.
public struct GradientInversion: Sendable {
  let weighted: WeightedModel
  /// As it was shared.
  private(set) var update: SharedUpdate
  /// The loss whose labels the result's are: the update's, or that with targets which were read off.
  public var loss: ClientLoss { update.loss }
  let counter: CounterAttack
  /// As the matching loss sees it.
  private(set) var matched: SharedUpdate
  let configuration: AttackConfiguration
  /// The batch's class indices, where the attacker knows them.
  let knownLabels: [Int]?
  let mode: ForwardMode
  let backend: any Backend
  /// For plans that start from ``Initialization/Kind/given`` images.
  let startingImages: Tensor?
  /// What speaks against the update before any attack.
  private(set) var misfit: UpdateMisfit?
  /// When the time limit is over; nil for none.
  private(set) var deadline: ContinuousClock.Instant?

  /// - Parameters:
  ///   - knownLabels: one class index for each example, or nil when unknown; in any order, but with
  ///     local steps on mini-batches in that of the clients.
  ///   - startingImages: [N, C, H, W], for plans that start from given images.
  ///   - counter: what the attacker makes of knowing the client's defence.
  /// - Throws: ``AttackError`` when the update does not fit the model or a setting is out of range.
  public init(
    _ weighted: WeightedModel, update: SharedUpdate, configuration: AttackConfiguration,
    knownLabels: [Int]? = nil, startingImages: Tensor? = nil, mode: ForwardMode = .evaluation,
    counter: CounterAttack = .none,
    backend: any Backend
  ) throws(AttackError) {
    guard update.gradients.map(\.shape) == weighted.model.parameters.map(\.shape) else {
      throw AttackError("the update's tensors do not fit the parameters of \(weighted.model.name)")
    }
    try configuration.validate()
    try update.loss.check(classCount: weighted.model.classCount)
    guard weighted.model.labelPositions.rank == 0 else {
      throw AttackError(
        "\(weighted.model.name) gives logits at \(weighted.model.labelPositions.elementCount) "
          + "positions of each input; attacks need a model with one label for each")
    }
    let labelCount = update.loss.labelCount(classCount: weighted.model.classCount)
    if let knownLabels {
      guard knownLabels.count == update.batchSize,
        knownLabels.allSatisfy((0..<labelCount).contains)
      else {
        throw AttackError(
          "the labels \(knownLabels) do not fit a batch of \(update.batchSize) in "
            + "\(labelCount) classes; give one class number for each image")
      }
    }
    guard knownLabels == nil || configuration.unknown?.contains(.labels) != true else {
      throw AttackError(
        "labels are given, and the attacker is said not to know them; leave one of both out")
    }
    self.knownLabels = knownLabels
    self.weighted = counter.readsNoise ? weighted.readingNoise(of: update) : weighted
    let joined = update.joiningClients(weighted.model, mode)
    self.update =
      knownLabels == nil && counter.isNone
      ? LabelRecovery.readingTargets(off: joined, weighted) : joined
    self.counter = counter
    matched = counter.matched(self.update)
    self.configuration = configuration
    self.mode = mode
    self.backend = backend
    self.startingImages = startingImages
  }

  /// Runs the attack.
  ///
  /// - Parameter observe: called after every iteration of a search, with the progress and the current
  ///   images [N, C, H, W], which are made only if asked for.
  /// - Throws: ``AttackError`` when the attack does not apply to this model or update.
  public func run(
    observe: (AttackProgress, @escaping () -> Tensor) -> SolverDecision = { _, _ in .proceed }
  ) throws(AttackError) -> AttackResult {
    try requireFacts(configuration.needs, for: configuration.attackName)
    guard matched.squaredNorm > 0 else { return nothing() }
    var attack = self
    attack.deadline = configuration.timeLimit.map { .now + .seconds($0) }
    attack.misfit = UpdateFit.misfit(
      of: update, weighted, knownLabels: knownLabels, backend: backend)
    var result = try attack.started(observe)
    switch result.diagnosis?.verdict {
    case .recovered, .recoveredUpToAmbiguity: break
    default: result.misfit = attack.misfit ?? result.misfit
    }
    return result
  }

  private func started(_ observe: AttackObserver) throws(AttackError) -> AttackResult {
    switch configuration.attack {
    case .automatic:
      return try automatic(observe)
    case .levenbergMarquardt:
      return try levenbergMarquardt(observe)
    case .dlg:
      return try optimize(AttackPresets.dlg, observe)
    case .idlg:
      return try optimize(AttackPresets.idlg, observe)
    case .plan:
      if let plan = configuration.plan {
        return try optimize(plan, observe)
      } else {
        throw AttackError(
          "the attack \"plan\" needs a plan; give one with --plan, or name a preset")
      }
    case .linear, .peeling, .rGap, .april, .spear:
      return try closedForm(configuration.attack, observe)
    }
  }

  /// Whether the time limit is over.
  var isOverdue: Bool { deadline.map { ContinuousClock.now >= $0 } ?? false }

  /// The same attack on another update of the same parameters.
  func replacing(_ update: SharedUpdate) -> GradientInversion {
    var other = self
    other.update = update
    other.matched = counter.matched(update)
    return other
  }

  /// The end for an update that is exactly zero, which no attack can do anything with.
  private func nothing() -> AttackResult {
    let trial = AttackTrial(
      method: .nothing, category: .eavesdropper, reason: .converged, iterations: 0, evaluations: 0,
      matchingLoss: 0, secondOrder: nil)
    return AttackResult(
      images: Tensor(batchShape, .f64, repeating: 0.5),
      labels: knownLabels ?? [Int](repeating: 0, count: update.batchSize), matchingLoss: 0,
      trials: [trial], bestTrial: 0, snapshots: [], layers: [],
      diagnosis: Diagnosis(
        .carriesNothing,
        "The update is exactly zero, so it tells nothing of this batch, and nothing of others either. "
          + EmptyUpdate.causes(weighted.model, update.loss), relativeMatchingLoss: 0,
        unknowns: batchShape.elementCount, equationBound: equationBound),
      compileSeconds: 0, attackSeconds: 0)
  }

  func compile(labels: [Int]?) throws(AttackError) -> MatchingFunction {
    try onBackend("\(weighted.model.name) cannot be attacked") { () throws(GraphError) in
      try MatchingFunction(
        weighted, update: matched, labels: labels, precision: configuration.precision, mode: mode,
        counter: counter, backend: backend)
    }
  }

  /// The objective's value at one point.
  func value(
    of function: some ObjectiveFunction, at point: [Double]
  ) throws(AttackError) -> Double {
    try onBackend("\(weighted.model.name) cannot be attacked") { () throws(GraphError) in
      try function.value(at: point)
    }
  }

  /// The type of the private batch, in f64.
  var batchShape: Shape {
    Shape([update.batchSize] + weighted.model.inputShape.dimensions)
  }

  /// At most this many independent equations does the update give for the images; with several local
  /// steps, through which everything depends on everything, only that each number gives one.
  var equationBound: Int {
    guard update.training == nil else {
      return update.sharedParameters.reduce(0) { $0 + update.gradients[$1].shape.elementCount }
    }
    return weighted.model.equationBound(
      batchSize: update.batchSize, shared: update.sharedParameters, mode: mode)
  }

  // MARK: - Closed form

  /// The label of a single image that was found without it: known, read off the last layer, or else the
  /// one whose gradient fits best.
  func label(of image: Tensor) throws(AttackError) -> Int {
    if let known = knownLabels?.first { return known }
    if let label = LabelRecovery.singleLabel(of: update, weighted) { return label }
    // No candidate's gradient can be computed to compare.
    guard missingFact(AttackNeed.gradient) == nil else { return 0 }
    let classes = weighted.model.classCount
    let losses = try onBackend("\(weighted.model.name) cannot be attacked") {
      () throws(GraphError) in
      let function = try MatchingFunction(
        weighted, update: matched, labels: nil, soughtForm: .probabilities, precision: .f64,
        mode: mode, counter: counter, backend: backend)
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
      stagnationFactor: isNoisy ? GradientInversion.noisyStagnation : 0.99)
  }

  /// Beside the energy of the noise, which nothing lowers, progress looks small.
  static let noisyStagnation = 1 - 1e-5

  /// Whether noise is a part of the update worth speaking of.
  var isNoisy: Bool { counter.noiseEnergy > 1e-3 * matched.squaredNorm }

  /// The class with the largest logit or probability, for each example; of one output the nearer of the
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
    return (0..<update.batchSize).map { example in
      (0..<classes).max {
        scores[example * classes + $0] < scores[example * classes + $1]
      } ?? 0
    }
  }
}

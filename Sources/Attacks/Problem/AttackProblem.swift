import Clients
import Defences
import ModelIO
import Solvers
import TensorGraph

/// A shared update to attack: what the attacker sees, knows and may spend. Attacks of the catalogue read it.
public struct AttackProblem: Sendable {
  /// The model and the weights that the update was computed with.
  public let weighted: WeightedModel
  /// As it was shared; the clients' joint gradient where that is one, or that behind a single step of an adaptive
  /// optimiser where its numbers are exact enough to tell it.
  public private(set) var update: SharedUpdate
  /// The clients' local steps behind what was shared; nil for one gradient.
  let sharedTraining: LocalTraining?
  /// The loss whose labels the result's are: the update's, or that with targets which were read off.
  public var loss: ClientLoss { update.loss }
  /// What the attacker makes of knowing the client's defence.
  public let counter: CounterAttack
  /// The update as the matching loss sees it.
  public private(set) var matched: SharedUpdate
  /// Seed, trials and limits.
  public let configuration: AttackConfiguration
  /// The batch's class indices, where the attacker knows them; a mask's in rows, one image after another.
  public let knownLabels: [Int]?
  /// How the client's model computed: as in training, or as in evaluation.
  public let mode: ForwardMode
  /// What runs graphs.
  public let backend: any Backend
  /// [N, C, H, W], for plans that start from ``Initialization/Kind/given`` images.
  public let startingImages: Tensor?
  /// What speaks against the update before any attack; found when one is run.
  private(set) var misfit: UpdateMisfit?

  /// - Parameters:
  ///   - knownLabels: one class index for each example, or a mask of them in rows where the model labels
  ///     positions; nil when unknown; in any order, but with local steps on mini-batches in that of the clients.
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
      throw AttackError(
        "the update's tensors do not fit the parameters of \(weighted.model.name)", .badInput)
    }
    try configuration.validate()
    try update.loss.check(classCount: weighted.model.classCount)
    let labelCount = update.loss.labelCount(classCount: weighted.model.classCount)
    let positions = weighted.model.labelPositions
    if let knownLabels {
      guard knownLabels.count == update.batchSize * positions.elementCount,
        knownLabels.allSatisfy((0..<labelCount).contains)
      else {
        throw AttackError(
          positions.rank > 0
            ? "the masks do not fit a batch of \(update.batchSize) in \(labelCount) classes; give one "
              + "of \(positions) for each image"
            : "the labels \(knownLabels) do not fit a batch of \(update.batchSize) in "
              + "\(labelCount) classes; give one class number for each image", .badInput)
      }
    }
    guard knownLabels == nil || configuration.unknown?.contains(.labels) != true else {
      throw AttackError(
        "labels are given, and the attacker is said not to know them; leave one of both out",
        .badInput)
    }
    self.knownLabels = knownLabels
    self.weighted = counter.readsNoise ? weighted.readingNoise(of: update) : weighted
    let joined = update.joiningClients(weighted.model, mode)
    sharedTraining = joined.training
    let isStepKnown =
      counter.isNone && configuration.unknown?.contains(.localTraining) != true
    let read = isStepKnown ? joined.undoingFirstStep(from: weighted.parameters) ?? joined : joined
    self.update =
      knownLabels == nil && counter.isNone
      ? LabelRecovery.readingTargets(off: read, weighted) : read
    self.counter = counter
    matched = counter.matched(self.update)
    self.configuration = configuration
    self.mode = mode
    self.backend = backend
    self.startingImages = startingImages
  }

  /// Runs an attack.
  ///
  /// - Parameters:
  ///   - attack: nil for the one that the configuration names.
  ///   - observe: called after every iteration of a search, with the progress and the current images
  ///     [N, C, H, W], which are made only if asked for.
  /// - Throws: ``AttackError`` when the attack does not apply to this model or update.
  public func run(
    _ attack: (any Attack)? = nil,
    observe: (AttackProgress, @escaping () -> Tensor) -> SolverDecision = { _, _ in .proceed }
  ) throws(AttackError) -> AttackResult {
    guard let attack else { return try run(configuration.chosenAttack(), observe: observe) }
    let descriptor = attack.descriptor
    try requireFacts(descriptor.needs, for: descriptor.name.rawValue)
    guard matched.squaredNorm > 0 else { return nothing() }
    return try withoutActuallyEscaping(observe) { observe throws(AttackError) in
      var (problem, run) = (self, AttackRun(self, observe: observe))
      problem.misfit = UpdateFit.misfit(
        of: update, weighted, knownLabels: knownLabels, backend: backend)
      try attack.run(problem, &run)
      var result = run.result()
      switch result.diagnosis?.verdict {
      case .recovered, .recoveredUpToAmbiguity: break
      default: result.misfit = problem.misfit ?? result.misfit
      }
      return result
    }
  }

  /// The same with another update of the same parameters.
  func replacing(_ update: SharedUpdate) -> AttackProblem {
    var other = self
    other.update = update
    other.matched = counter.matched(update)
    return other
  }

  /// The end for an update that is exactly zero, which no attack can do anything with.
  private func nothing() -> AttackResult {
    let trial = AttackTrial(
      method: AttackRun.nothing, category: .eavesdropper, reason: .converged, iterations: 0,
      evaluations: 0,
      matchingLoss: 0, secondOrder: nil)
    return AttackResult(
      images: Tensor(batchShape, .f64, repeating: 0.5),
      labels: knownLabels ?? anyLabels, matchingLoss: 0,
      trials: [trial], bestTrial: 0, snapshots: [], layers: [],
      diagnosis: Diagnosis(
        .carriesNothing,
        """
        The update is exactly zero, so it tells nothing of this batch, and nothing of others either. \
        \(EmptyUpdate.causes(weighted.model, update.loss))
        """, relativeMatchingLoss: 0,
        unknowns: unknownCount, equationBound: equationBound),
      compileSeconds: 0, attackSeconds: 0)
  }

  /// How many labels the batch has: one for each example, or for each of its positions.
  var labelCount: Int { update.batchSize * weighted.model.labelPositions.elementCount }

  /// Labels where none are known and any will do.
  var anyLabels: [Int] { [Int](repeating: 0, count: labelCount) }

  /// Numbers that the update has to tell: the batch's, and the probabilities of a mask's classes where it is sought.
  var unknownCount: Int {
    let model = weighted.model
    guard seeksMasks else { return batchShape.elementCount }
    return batchShape.elementCount + labelCount * max(model.classCount - 1, 1)
  }

  /// What ``unknownCount`` counts, for people.
  var unknownWords: String {
    guard unknownCount == batchShape.elementCount else {
      return "pixel values and probabilities of the masks' classes"
    }
    // Rows and signals are one pixel high.
    return weighted.model.inputShape[1] > 1 ? "pixel values" : "input values"
  }

  /// The shape of the private batch: [N, C, H, W].
  public var batchShape: Shape {
    Shape([update.batchSize] + weighted.model.inputShape.dimensions)
  }

  /// At most this many independent equations does the update give for the images; with several local
  /// steps, through which everything depends on everything, only that each number gives one. Intervals give
  /// inequalities.
  var equationBound: Int {
    let exact = counter.exactCount(of: update.sharedParameters, update)
    guard update.training == nil else { return exact }
    return min(
      exact,
      weighted.model.equationBound(
        batchSize: update.batchSize, sharedParameters: update.sharedParameters,
        labelUnknowns: unknownCount - batchShape.elementCount, mode: mode))
  }
}

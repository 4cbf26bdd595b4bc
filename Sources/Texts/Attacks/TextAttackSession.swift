import Clients
import TensorGraph

/// One run of an attack on texts: its clock, its observer, its count of evaluations, and the compiled
/// gradient that candidates are checked with.
final class TextAttackSession {
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private let timeLimit: Double?
  private let observe: TextAttackObserver
  private var step = 0
  private var evaluator: TextEvaluator?
  private var training: (length: Int, training: TextTraining)?
  private(set) var evaluations = 0
  /// Whether the observer or the clock ended the run.
  private(set) var isStopped = false
  private(set) var wasInterrupted = false

  init(timeLimit: Double?, observe: @escaping TextAttackObserver) {
    self.timeLimit = timeLimit
    self.observe = observe
    start = clock.now
  }

  var seconds: Double { (clock.now - start).seconds }

  /// Tells the observer about a step; whether to stop.
  func shouldStop(_ stage: String, _ steps: Int, _ texts: [[Int]], loss: Double? = nil) -> Bool {
    step += 1
    let progress = TextAttackProgress(
      stage: stage, step: step, steps: steps, texts: texts, loss: loss)
    if case .stop(let reason) = observe(progress) {
      isStopped = true
      wasInterrupted = wasInterrupted || reason == .interrupted
    }
    if let timeLimit, seconds > timeLimit { isStopped = true }
    return isStopped
  }

  func count(evaluations: Int) { self.evaluations += evaluations }

  /// How far a batch's gradient, or update, is from the shared one.
  func deviation(
    of batch: TextBatch, _ inversion: TextInversion
  ) throws(AttackError) -> UpdateDeviation {
    try inversion.model.check(batch)
    if let steps = inversion.update.training {
      return try deviation(of: batch, after: steps, inversion)
    }
    evaluations += 1
    let evaluator = try evaluator(for: batch, inversion)
    let relative = try evaluator.relativeDistance(
      of: batch, to: inversion.update, norm: inversion.norm)
    return UpdateDeviation(
      relative: relative, unexplained: inversion.unexplained { evaluator.gradient($0) } ?? relative)
  }

  private func evaluator(
    for batch: TextBatch, _ inversion: TextInversion
  ) throws(AttackError) -> TextEvaluator {
    if let evaluator, evaluator.fits(batch) { return evaluator }
    // The old one's memory goes first.
    evaluator = nil
    let new = try TextEvaluator(
      inversion.weights, batchSize: batch.tokens.count, length: batch.length,
      hasSegments: batch.hasSegments, backend: inversion.backend)
    evaluator = new
    return new
  }

  private func deviation(
    of batch: TextBatch, after steps: LocalTraining, _ inversion: TextInversion
  ) throws(AttackError) -> UpdateDeviation {
    if training.map({ $0.length < batch.length }) ?? true {
      training = nil
      training = (
        batch.length,
        TextTraining(
          inversion.weights, steps, length: batch.length, backend: inversion.backend)
      )
    }
    // Steps take their texts by number: without a whole batch there is no update.
    guard batch.tokens.count == inversion.update.batchSize else {
      return UpdateDeviation(relative: .infinity, unexplained: .infinity)
    }
    evaluations += steps.steps.count
    let found = try training?.training.update(of: batch) ?? []
    var sum = 0.0
    for (spec, tensor) in zip(inversion.model.parameters, found) {
      guard let shared = inversion.update.gradients[spec.name] else { continue }
      sum += tensor.squaredDistance(to: shared)
    }
    let relative = sum / max(inversion.norm, .leastNormalMagnitude)
    return UpdateDeviation(
      relative: relative, unexplained: inversion.unexplained { found[$0] } ?? relative)
  }

  /// The factor of a batch's gradient that comes nearest to the shared one, and what is left then.
  func scale(
    of batch: TextBatch, _ inversion: TextInversion
  ) throws(AttackError) -> (factor: Double, rest: Double) {
    try inversion.model.check(batch)
    evaluations += 1
    return try evaluator(for: batch, inversion)
      .scale(of: batch, to: inversion.update, norm: inversion.norm)
  }

  /// What the shared gradient of a parameter has besides that of a batch; nil when it is not shared.
  func residual(
    of batch: TextBatch, _ name: String, _ inversion: TextInversion
  ) throws(AttackError) -> Tensor? {
    // After several steps no single gradient explains the rest.
    guard inversion.update.training == nil else { return nil }
    _ = try deviation(of: batch, inversion)
    guard let shared = inversion.update.gradients[name],
      let index = inversion.model.parameters.firstIndex(where: { $0.name == name }),
      let own = evaluator?.gradient(index)
    else { return nil }
    let difference = zip(shared.doubles, own.doubles).map { $0 - $1 }
    return Tensor(shared.shape, .f64(difference))
  }

  func result(
    texts: [[Int]], layouts: [TextLayout] = [], classes: [Int]? = nil,
    targets: [[Double]]? = nil, method: TextAttackKind, relativeDistance: Double? = nil,
    unexplainedDistance: Double? = nil, isAmbiguous: Bool = false, bag: BagOfWords?,
    span: SpanReport? = nil,
    snapshots: [TextSnapshot] = []
  ) -> TextAttackResult {
    TextAttackResult(
      texts: texts, layouts: layouts, classes: classes, targets: targets, method: method,
      relativeDistance: relativeDistance,
      unexplainedDistance: unexplainedDistance, isAmbiguous: isAmbiguous, bag: bag, span: span,
      snapshots: snapshots,
      evaluations: evaluations, seconds: seconds,
      wasInterrupted: wasInterrupted, wasCutShort: isStopped)
  }
}

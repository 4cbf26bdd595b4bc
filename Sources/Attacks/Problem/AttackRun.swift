import Clients
import Solvers
import TensorGraph

/// A running attack: its trials, snapshots on the way, time and limits, and who observes it.
public struct AttackRun {
  /// Observes the iterations of an attack; images are made only if asked for.
  typealias Observer = (AttackProgress, @escaping () -> Tensor) -> SolverDecision

  /// A finished trial with what it reconstructed.
  struct Entry {
    let trial: AttackTrial
    /// Of the batch, flat.
    let images: [Double]
    let labels: [Int]
    /// The closed form that it is the solution of, polished or not.
    let closedForm: (any ClosedFormAttack)?
    /// Of JᵀJ at the end, as far as the solver knows.
    let extremeEigenvalues: (smallest: Double, largest: Double)?
    /// What each of several starts that were pooled came to.
    var restarts: [Tensor] = []
    /// The share of the examples that a closed form solved for, where not all.
    var solvedShare: Double?
    /// See ``Outcome/isAstray``.
    var isAstray = false
  }

  /// The end of a trial.
  public struct Outcome {
    let result: SolverResult
    var secondOrder: SecondOrderCounts?
    var extremeEigenvalues: (smallest: Double, largest: Double)?
    /// See ``AttackTrial/objective``.
    var objective: Double?
    /// Whether the end is no approximation of a solution, however small its matching loss: a minimum above 0, or a valley
    /// that leads elsewhere.
    var isAstray = false

    /// What a solver found: a point that begins with the images.
    ///
    /// - Parameter matchingLoss: the squared distance of its gradient to the shared one, where the solver
    ///   minimised something else; nil where it minimised that.
    public init(_ result: SolverResult, matchingLoss: Double? = nil) {
      self.result = matchingLoss.map(result.replacing(value:)) ?? result
      objective = matchingLoss.map { _ in result.value }
    }

    init(_ outcome: LevenbergMarquardtResult) {
      result = outcome.result
      secondOrder = outcome.counts
      extremeEigenvalues = outcome.extremeEigenvalues
    }
  }

  private(set) var entries: [Entry] = []
  private(set) var snapshots: [AttackSnapshot] = []
  private let observe: Observer
  private let batchShape: Shape
  /// Of the shared update.
  private let squaredNorm: Double
  /// When the time limit is over; nil for none.
  let end: ContinuousClock.Instant?
  /// When the present attack is to end: its share of the time.
  private(set) var deadline: ContinuousClock.Instant?
  private let training: LocalTraining?
  /// Whether a step was undone to have the gradient that is attacked, which takes who knows the step.
  private let undoesStep: Bool
  private let modelName: String
  private let clock = ContinuousClock()
  private var searchTime = Duration.zero
  private var compileTime = Duration.zero

  /// Equations and condition of each layer, from layer peeling.
  var layers: [LayerPeeling.Layer] = []

  /// What the end means; nil where that is not judged.
  var diagnosis: Diagnosis?

  /// What speaks against the update, as its layers' equations tell.
  var misfit: UpdateMisfit?

  /// Set where work that ``stoppable(_:)`` watches was asked to stop.
  private let stop = Flag()

  private final class Flag {
    var isSet = false
  }

  /// Starts the clock.
  ///
  /// - Parameter observe: called after every iteration.
  init(_ problem: AttackProblem, observe: @escaping Observer) {
    self.observe = observe
    batchShape = problem.batchShape
    squaredNorm = problem.update.squaredNorm
    training = problem.sharedTraining
    undoesStep = problem.sharedTraining != problem.update.training
    modelName = problem.weighted.model.name
    end = problem.configuration.timeLimit.map { .now + .seconds($0) }
    deadline = end
  }

  private var imageCount: Int { batchShape.elementCount }

  /// Who can run a method on what was shared.
  private func category(of method: AttackMethod) -> ThreatModel.Category {
    let own = method.category(after: training)
    return undoesStep ? max(own, .parameterAwareEavesdropper) : own
  }

  /// Evaluations in all finished trials.
  var evaluations: Int { entries.reduce(0) { $0 + $1.trial.evaluations } }

  /// Of each entry where all were compared by one measure; empty when they were not.
  var scores: [Double] = []

  /// Attacks that were left out for want of a fact.
  var skipped: [SkippedAttack] = []

  /// The entry with the lowest score, or else with the lowest objective of its own kind.
  var best: Int? {
    func rank(_ index: Int) -> Double {
      let trial = entries[index].trial
      let loss =
        index < scores.count ? scores[index] : (trial.objective ?? trial.matchingLoss)
      return loss.isNaN ? .infinity : loss
    }
    return entries.indices.min { rank($0) < rank($1) }
  }

  /// Whether the time limit is over.
  var isOverdue: Bool { end.map { clock.now >= $0 } ?? false }

  /// Seconds until the present attack is to end; nil without a limit.
  var secondsLeft: Double? { deadline.map { ($0 - clock.now).seconds } }

  /// Whether the user ended the last trial, or the time is over, or this attack's share of it.
  var wasStopped: Bool {
    switch entries.last?.trial.reason {
    case .interrupted, .goalReached: true
    case nil, .timeLimit, .solved, .converged, .stagnated, .diverged, .iterationLimit:
      deadline.map { clock.now >= $0 } ?? false
    }
  }

  /// Whether no further trial is wanted: the last one solved it, or the user or the time limit ended it.
  public var isFinished: Bool { wasStopped || entries.last?.trial.reason == .solved }

  /// Gives the attacks that follow a share of the time left, 1 for all of it.
  mutating func give(share: Double) {
    deadline = end.map { end in
      let now = clock.now
      return now < end ? now + (end - now) * share : end
    }
  }

  /// Whether a limit or the user ended a trial before it was done.
  var wasCutShort: Bool {
    entries.contains { [.interrupted, .timeLimit, .goalReached].contains($0.trial.reason) }
      || isOverdue
  }

  /// No attack at all, where there was nothing to attack or no time.
  static let nothing = AttackMethod(name: "none", category: .eavesdropper)

  /// Enters mid-grey images, where there was no time for an attack.
  ///
  /// - Parameter loss: of a gradient of 0.
  mutating func enterNothing(labels: [Int], loss: Double) {
    let images = [Double](repeating: 0.5, count: imageCount)
    entries.append(
      Entry(
        trial: AttackTrial(
          method: AttackRun.nothing, category: .eavesdropper, reason: .timeLimit, iterations: 0,
          evaluations: 0, matchingLoss: loss, secondOrder: nil),
        images: images, labels: labels, closedForm: nil, extremeEigenvalues: nil))
  }

  /// Enters what a closed form solved, after one evaluation of the matching loss.
  mutating func enter(
    _ solution: ClosedFormSolution, of attack: any ClosedFormAttack, loss: Double,
    reason: StopReason
  ) {
    let method = attack.descriptor.method
    entries.append(
      Entry(
        trial: AttackTrial(
          method: method, category: category(of: method), reason: reason,
          iterations: 0, evaluations: 1, matchingLoss: loss, secondOrder: nil),
        images: solution.images.doubles, labels: solution.labels, closedForm: attack,
        extremeEigenvalues: nil))
  }

  /// Builds and compiles a graph of the attacked model, and times that.
  ///
  /// - Throws: ``AttackError`` of kind ``AttackError/Kind/backendFailed``.
  public mutating func compiling<R>(
    _ body: () throws(GraphError) -> R
  ) throws(AttackError) -> R {
    let start = clock.now
    defer { compileTime += clock.now - start }
    return try AttackError.naming(modelName, "attacked", body)
  }

  /// Times search outside a trial, such as a closed form.
  mutating func searching<R, Failure: Error>(
    _ body: (inout AttackRun) throws(Failure) -> R
  ) throws(Failure) -> R {
    let start = clock.now
    let result = try body(&self)
    searchTime += clock.now - start
    return result
  }

  /// Whether the observer ended work without a trial.
  var wasAskedToStop: Bool { stop.isSet }

  /// Runs work that has no images to show before its end, and lets the observer and the end of its
  /// share of the time end it.
  ///
  /// - Parameter body: asks what it is given now and then, with the steps so far.
  public func stoppable<R>(
    _ body: ((Int) -> Bool) throws(AttackError) -> R
  ) throws(AttackError) -> R {
    let start = clock.now
    let nothing = Tensor(batchShape, .f64, repeating: 0.5)
    return try body { steps in
      let progress = AttackProgress(
        trial: 0,
        solver: SolverProgress(
          iteration: steps, evaluations: 0, value: squaredNorm, gradientNorm: 0),
        evaluations: 0, seconds: (clock.now - start).seconds)
      if case .stop = observe(progress, { nothing }) {
        stop.isSet = true
        return true
      }
      return deadline.map { clock.now >= $0 } ?? false
    }
  }

  /// Runs one trial and enters it, with snapshots on the way.
  ///
  /// A solver's points begin with the images [N, C, H, W]; what else is sought follows.
  ///
  /// - Parameters:
  ///   - method: the attack's, see ``AttackDescriptor/method``.
  ///   - closedForm: what the search began at the solution of; nil for a random start.
  ///   - labels: of the batch, for a final point.
  ///   - solve: minimises, and calls the observer that it is given after every iteration, which ends the
  ///     trial when the user asks for it or the time limit is over.
  /// - Throws: ``AttackError`` of kind ``AttackError/Kind/backendFailed``.
  public mutating func search(
    method: AttackMethod, closedForm: (any ClosedFormAttack)? = nil,
    labels: ([Double]) -> [Int],
    solve: (
      (SolverProgress, UnsafeBufferPointer<Double>) -> SolverDecision
    ) throws(GraphError) -> Outcome
  ) throws(AttackError) {
    let trial = entries.count
    let (clock, start, searched) = (clock, clock.now, searchTime)
    let (before, batchShape, deadline) = (evaluations, batchShape, deadline)
    var schedule = SnapshotSchedule()
    var kept: [AttackSnapshot] = []
    let observe = observe
    let observer = { (progress: SolverProgress, point: Vector) -> SolverDecision in
      let images = { Tensor(batchShape, .f64, Array(point[0..<batchShape.elementCount])) }
      if schedule.isDue(progress.iteration) {
        kept.append(
          AttackSnapshot(
            trial: trial, iteration: progress.iteration, evaluations: progress.evaluations,
            matchingLoss: progress.value, images: images()))
      }
      let seconds = (searched + (clock.now - start)).seconds
      let whole = AttackProgress(
        trial: trial, solver: progress, evaluations: before + progress.evaluations,
        seconds: seconds)
      if case .stop(let reason) = observe(whole, images) { return .stop(reason) }
      if let deadline, clock.now >= deadline { return .stop(.timeLimit) }
      return .proceed
    }
    let outcome = try AttackError.naming(modelName, "attacked") { () throws(GraphError) in
      try solve(observer)
    }
    let result = outcome.result
    snapshots += kept
    snapshots.append(
      AttackSnapshot(
        trial: trial, iteration: result.iterations, evaluations: result.evaluations,
        matchingLoss: result.value,
        images: Tensor(batchShape, .f64, Array(result.point[0..<imageCount]))))
    searchTime += clock.now - start
    entries.append(
      Entry(
        trial: AttackTrial(
          method: method, category: category(of: method), reason: result.reason,
          iterations: result.iterations, evaluations: result.evaluations,
          matchingLoss: result.value,
          secondOrder: outcome.secondOrder, objective: outcome.objective),
        images: Array(result.point[0..<imageCount]), labels: labels(result.point),
        closedForm: closedForm,
        extremeEigenvalues: outcome.extremeEigenvalues, isAstray: outcome.isAstray))
  }

  /// Says which share of the examples of the latest entry a closed form solved for.
  mutating func enter(solvedShare: Double?) {
    guard !entries.isEmpty else { return }
    entries[entries.count - 1].solvedShare = solvedShare
  }

  /// Says what the starts came to that the latest entry was pooled from, [N, C, H, W] each.
  mutating func enter(restarts: [Tensor]) {
    guard !entries.isEmpty else { return }
    entries[entries.count - 1].restarts = restarts
  }

  /// The attack's result; at least one trial must have been entered.
  func result() -> AttackResult {
    guard let best else { preconditionFailure("an attack without a trial") }
    return AttackResult(
      images: Tensor(batchShape, .f64(entries[best].images)), labels: entries[best].labels,
      matchingLoss: entries[best].trial.matchingLoss, trials: entries.map(\.trial),
      bestTrial: best, snapshots: snapshots, layers: layers, diagnosis: diagnosis,
      misfit: misfit, restarts: entries[best].restarts,
      skipped: skipped,
      compileSeconds: compileTime.seconds, attackSeconds: searchTime.seconds)
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

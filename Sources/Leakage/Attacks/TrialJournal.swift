import TensorGraph

/// Keeps the books of an attack: its trials, snapshots on the way, and elapsed time.
struct TrialJournal {
  /// A finished trial with what it reconstructed.
  struct Entry {
    let trial: AttackTrial
    /// Of the batch, flat.
    let images: [Double]
    let labels: [Int]
    /// The closed form that it is the solution of, polished or not.
    let closedForm: AttackKind?
    /// Of JᵀJ at the end, as far as the solver knows.
    let extremeEigenvalues: (smallest: Double, largest: Double)?
  }

  /// What a solver returns to the journal.
  struct Outcome {
    let result: SolverResult
    var secondOrder: SecondOrderCounts?
    var extremeEigenvalues: (smallest: Double, largest: Double)?
    /// See ``AttackTrial/objective``.
    var objective: Double?

    init(_ result: SolverResult) {
      self.result = result
    }

    init(_ outcome: LevenbergMarquardtResult) {
      result = outcome.result
      secondOrder = outcome.counts
      extremeEigenvalues = outcome.extremeEigenvalues
    }
  }

  private(set) var entries: [Entry] = []
  private(set) var snapshots: [AttackSnapshot] = []
  private let batchShape: Shape
  private let end: ContinuousClock.Instant?
  /// When the present attack is to end: its share of the time.
  private(set) var deadline: ContinuousClock.Instant?
  private let training: LocalTraining?
  private let clock = ContinuousClock()
  private var searchTime = Duration.zero
  private var compileTime = Duration.zero

  /// - Parameters:
  ///   - batchShape: [N, C, H, W].
  ///   - deadline: when the last trial is to end; nil for never.
  ///   - training: behind the update; nil for a gradient.
  init(batchShape: Shape, deadline: ContinuousClock.Instant?, training: LocalTraining?) {
    self.batchShape = batchShape
    end = deadline
    self.deadline = deadline
    self.training = training
  }

  private var imageCount: Int { batchShape.elementCount }

  /// Evaluations in all finished trials.
  var evaluations: Int { entries.reduce(0) { $0 + $1.trial.evaluations } }

  /// Of each entry by the automatic attack's referee; empty when nothing was compared so.
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

  /// Whether the user ended the last trial, or the time is over, or this attack's share of it.
  var wasStopped: Bool {
    switch entries.last?.trial.reason {
    case .interrupted, .goalReached: true
    case nil, .timeLimit, .solved, .converged, .stagnated, .diverged, .iterationLimit:
      deadline.map { clock.now >= $0 } ?? false
    }
  }

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
      || end.map { clock.now >= $0 } ?? false
  }

  /// Enters mid-grey images, where there was no time for an attack.
  ///
  /// - Parameter loss: of a gradient of 0.
  mutating func enterNothing(labels: [Int], loss: Double) {
    let images = [Double](repeating: 0.5, count: imageCount)
    entries.append(
      Entry(
        trial: AttackTrial(
          method: .nothing, category: .eavesdropper, reason: .timeLimit, iterations: 0,
          evaluations: 0, matchingLoss: loss, secondOrder: nil),
        images: images, labels: labels, closedForm: nil, extremeEigenvalues: nil))
  }

  /// Times work that is not search.
  mutating func compiling<R, Failure: Error>(
    _ body: () throws(Failure) -> R
  ) throws(Failure) -> R {
    let start = clock.now
    defer { compileTime += clock.now - start }
    return try body()
  }

  /// Times search outside a trial, such as a closed form.
  mutating func searching<R, Failure: Error>(
    _ body: () throws(Failure) -> R
  ) throws(Failure) -> R {
    let start = clock.now
    defer { searchTime += clock.now - start }
    return try body()
  }

  /// Runs one trial and enters it.
  ///
  /// - Parameters:
  ///   - labels: of the batch, for a final point.
  ///   - solve: minimises, and calls the observer that it is given after every iteration.
  mutating func run(
    method: AttackMethod, closedForm: AttackKind? = nil, labels: ([Double]) -> [Int],
    observe: (AttackProgress, @escaping () -> Tensor) -> SolverDecision,
    solve: ((SolverProgress, Vector) -> SolverDecision) throws(AttackError) -> Outcome
  ) throws(AttackError) {
    let trial = entries.count
    let (clock, start, searched) = (clock, clock.now, searchTime)
    let (before, batchShape, deadline) = (evaluations, batchShape, deadline)
    var schedule = SnapshotSchedule()
    var kept: [AttackSnapshot] = []
    let outcome = try withoutActuallyEscaping(observe) { observe throws(AttackError) in
      try solve { progress, point in
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
          method: method, category: method.category(after: training), reason: result.reason,
          iterations: result.iterations, evaluations: result.evaluations,
          matchingLoss: result.value,
          secondOrder: outcome.secondOrder, objective: outcome.objective),
        images: Array(result.point[0..<imageCount]), labels: labels(result.point),
        closedForm: closedForm,
        extremeEigenvalues: outcome.extremeEigenvalues))
  }

  /// The attack's result; at least one trial must have run.
  func result(layers: [LayerPeeling.Layer] = [], diagnosis: Diagnosis? = nil) -> AttackResult {
    guard let best else { preconditionFailure("an attack without a trial") }
    return AttackResult(
      images: Tensor(batchShape, .f64(entries[best].images)), labels: entries[best].labels,
      matchingLoss: entries[best].trial.matchingLoss, trials: entries.map(\.trial),
      bestTrial: best, snapshots: snapshots, layers: layers, diagnosis: diagnosis,
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

extension Duration {
  /// This duration in seconds.
  package var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}

import Attacks
import Defences
import Foundation
import TensorGraph

/// An audit of simulated clients: the strongest attacks on undefended updates, then the search for
/// defences that stop them, all within a budget of time.
public struct LeakageAudit: Sendable {
  /// What to do, and for how long.
  public struct Plan: Sendable {
    /// The experiments of the first round, without defences, which the audit varies; all have the same
    /// attack. `AttackName.automatic` is followed by the second attack of the kind of
    /// data where that did not bring everything back.
    public var experiments: [any PreparedExperiment]
    /// Kinds of defences to look for the strength of, which must have strengths to search.
    public var kinds: [DefenceDescriptor]
    /// Seconds for everything.
    public var budget: Double

    /// - Parameter budget: seconds for everything.
    public init(
      experiments: [any PreparedExperiment], kinds: [DefenceDescriptor], budget: Double
    ) {
      precondition(
        kinds.allSatisfy { $0.strengths != nil },
        "a defence without strengths among \(kinds.map(\.name))")
      self.experiments = experiments
      self.kinds = kinds
      self.budget = budget
    }

    /// Attack of the first round.
    var configuration: AttackConfiguration { experiments[0].experiment.attack }
    /// What is tried where that did not bring everything back; nil for nothing.
    var secondAttack: AttackName? {
      guard configuration.attack == .automatic else { return nil }
      return DataKinds.descriptor(experiments[0].experiment.data.kind).secondAttack
    }
  }

  /// What came of it.
  public struct Result: Sendable {
    /// Attacks on undefended updates, with the pictures.
    public var undefended: [AuditOutcome] = []
    /// Attacks on defended updates.
    public var defended: [RunRecord] = []
    /// What was found of each kind of defence, in the order asked for.
    public var findings: [DefenceFinding] = []
    /// Who was told to be in the batches of these updates; one record without defence, and one for each that was tried.
    public var memberships: [MembershipRecord] = []
    /// Whether updates tell a property of their batches; likewise.
    public var properties: [PropertyRecord] = []
    /// What was cut short or left out.
    public var remarks: [String] = []
    /// Why no defence was tried, a sentence; nil where some were, or none were asked for.
    public var defencesLeftOut: String?
    /// Whether the user ended it.
    public var wasInterrupted = false

    /// - Parameter budget: seconds for everything.
    public init() {}

    /// The records of the best undefended attacks and all defended ones.
    public var records: [RunRecord] { undefended.map(\.record) + defended }
  }

  /// What is being done, for progress.
  public struct Progress {
    /// For people, such as a picture or a defence.
    public let step: String
    /// Of the budget.
    public let secondsLeft: Double
    /// Of the attack that runs.
    public let state: ExperimentProgress
  }

  /// The file beside `run.json` that holds the records of defended updates.
  public static let defendedFile = "defences.json"
  /// Iterations at most of an attack behind a defence, as in the sweep `dlg-paper`.
  static let defendedIterations = 1200
  /// Share of a kind's seconds that one attack behind a defence may take.
  static let trialShare = 0.25

  private let plan: Plan
  private let runner: any ExperimentRunner
  private let clock = ContinuousClock()

  /// - Parameter runner: of the plan's experiments.
  public init(_ plan: Plan, runner: any ExperimentRunner) {
    precondition(!plan.experiments.isEmpty, "an audit of nothing")
    self.plan = plan
    self.runner = runner
  }

  /// Runs the audit. What was found when the budget ends or `shouldStop` says so is kept.
  ///
  /// - Throws: `AttackError` when the attack does not apply.
  public func run(
    observe: (Progress) -> Void = { _ in }, shouldStop: () -> Bool = { false }
  ) throws -> Result {
    var session = Session(
      plan: plan, runner: runner, end: clock.now + .seconds(plan.budget), clock: clock)
    try session.attackUndefended(observe, shouldStop)
    if !session.result.wasInterrupted { session.searchDefences(observe, shouldStop) }
    return session.result
  }
}

/// One audit on its way.
private struct Session {
  let plan: LeakageAudit.Plan
  private let runner: any ExperimentRunner
  let end: ContinuousClock.Instant
  let clock: ContinuousClock
  var result = LeakageAudit.Result()
  /// Seconds at the end of the budget that belong to later kinds.
  private var reserve = 0.0
  /// Seconds at most of one attack behind a defence.
  private var trialLimit = Double.infinity

  init(
    plan: LeakageAudit.Plan, runner: any ExperimentRunner,
    end: ContinuousClock.Instant, clock: ContinuousClock
  ) {
    self.plan = plan
    self.runner = runner
    self.end = end
    self.clock = clock
  }

  private var secondsLeft: Double {
    let left = (end - clock.now).components
    return Double(left.seconds) + Double(left.attoseconds) * 1e-18
  }

  /// Attacks one update.
  private mutating func attack(
    _ subject: any PreparedExperiment, _ configuration: AttackConfiguration,
    _ defences: DefenceChain,
    step: String, stopsAt goal: Double = .infinity,
    _ observe: (LeakageAudit.Progress) -> Void, _ shouldStop: () -> Bool
  ) throws -> AuditOutcome {
    let (clock, end) = (clock, end)
    var judged = 0
    let experiment = subject.varied { experiment in
      experiment.attack = configuration
      experiment.defences = defences
    }
    let outcome = try experiment.run { state in
      let left = (end - clock.now).components
      observe(
        LeakageAudit.Progress(step: step, secondsLeft: Double(left.seconds), state: state))
      if shouldStop() { return .stop(.interrupted) }
      let iteration = state.attack.solver.iteration
      if goal < .infinity, iteration > judged {
        judged = iteration
        if state.score() >= goal { return .stop(.goalReached) }
      } else if iteration < judged {
        judged = 0
      }
      return .proceed
    }
    if outcome.wasInterrupted || shouldStop() { result.wasInterrupted = true }
    return outcome
  }

  // MARK: - Without defence

  mutating func attackUndefended(
    _ observe: (LeakageAudit.Progress) -> Void, _ shouldStop: () -> Bool
  ) throws {
    // Half of the budget is the defences', where some are asked for.
    let share = plan.kinds.isEmpty ? 1.0 : 0.5
    let reserve = (1 - share) * plan.budget
    for (index, subject) in plan.experiments.enumerated() {
      let left = plan.experiments.count - index
      var configuration = plan.configuration
      let names = subject.name
      guard index == 0 || secondsLeft - reserve > 0 else {
        result.remarks.append("\(names), for want of time.")
        continue
      }
      limit(&configuration, to: max((secondsLeft - reserve) / Double(left), 0.1))
      let outcome = try attack(
        subject, configuration, .none, step: "[\(index + 1)/\(plan.experiments.count)] \(names)",
        observe,
        shouldStop)
      result.undefended.append(settled(outcome))
      noteLimit(outcome.record, names)
      if result.wasInterrupted { return }
    }
    guard let second = plan.secondAttack else { return }
    for (index, subject) in plan.experiments.enumerated() {
      guard result.undefended.indices.contains(index) else { break }
      let record = result.undefended[index].record
      guard record.judged.contains(where: { record.level(of: $0) != .full }) else { continue }
      let names = subject.name
      guard secondsLeft - reserve > 1 else {
        result.remarks.append("The attack \(second) on \(names), for want of time.")
        continue
      }
      var configuration = plan.configuration
      configuration.attack = second
      limit(&configuration, to: secondsLeft - reserve)
      let outcome: AuditOutcome
      do {
        outcome = try attack(
          subject, configuration, .none, step: "\(second) on \(names)", observe, shouldStop)
      } catch {
        result.remarks.append("The attack \(second) on \(names): \(error).")
        continue
      }
      if isBetter(outcome.record, than: result.undefended[index].record) {
        result.undefended[index] = settled(outcome)
      }
      if result.wasInterrupted { return }
    }
  }

  /// By what came back. An attack that was cut short is not forgotten for one that failed.
  private func isBetter(_ new: RunRecord, than old: RunRecord) -> Bool {
    guard old.doubt == nil || new.judged.allSatisfy({ new.level(of: $0) >= .recognisable }) else {
      return false
    }
    func sum(_ record: RunRecord) -> Double {
      record.judged.reduce(0) { $0 + ($1.score.isNaN ? 0 : min($1.score, 100)) }
    }
    return sum(new) > sum(old)
  }

  private func limit(_ configuration: inout AttackConfiguration, to seconds: Double) {
    configuration.timeLimit = min(configuration.timeLimit ?? .infinity, seconds)
  }

  /// The outcome as it was asked for: a share of the budget that was not spent counts for nothing.
  private func settled(_ outcome: AuditOutcome) -> AuditOutcome {
    guard !outcome.record.trials.contains(where: { $0.reason == .timeLimit }) else {
      return outcome
    }
    var outcome = outcome
    outcome.record.limit(to: plan.configuration.timeLimit)
    return outcome
  }

  private mutating func noteLimit(_ record: RunRecord, _ names: String) {
    guard record.trials.contains(where: { $0.reason == .timeLimit }) else { return }
    result.remarks.append("Longer attacks on \(names): its share of the budget was spent.")
  }

  // MARK: - Defences

  mutating func searchDefences(
    _ observe: (LeakageAudit.Progress) -> Void, _ shouldStop: () -> Bool
  ) {
    guard !plan.kinds.isEmpty else { return }
    guard result.undefended.contains(where: { Session.hasLeaked($0.record) }) else {
      let cut = result.undefended.count { $0.record.outcome == .undetermined }
      result.defencesLeftOut =
        cut == 0
        ? "Defences: nothing leaked without one."
        : "Defences: nothing was shown to leak without one, and \(cut) of "
          + "\(result.undefended.count) attacks are undetermined."
      return
    }
    let norm = medianNumber(result.undefended.map { $0.record.update.norm.value })
    // The most exposed first: a strength that leaks is turned down at once.
    let order = result.undefended.indices.sorted {
      Session.highest(result.undefended[$0].record) > Session.highest(result.undefended[$1].record)
    }
    // Further weights make further trials of the same images; where there are none, nothing does.
    let rounds =
      runner.drawsWeights ? (LeakageGrade.unitsForA + order.count - 1) / order.count : 1
    var findings: [(place: Int, finding: DefenceFinding)] = []
    defer { result.findings = findings.sorted { $0.place < $1.place }.map(\.finding) }
    for (position, place) in kindsByEffort.enumerated() {
      let kind = plan.kinds[place]
      let remaining = Double(plan.kinds.count - position)
      reserve = max(secondsLeft, 0) * (remaining - 1) / remaining
      trialLimit = max(LeakageAudit.trialShare * (secondsLeft - reserve), 0.5)
      guard let strengths = DefenceStrengths(kind, updateNorm: norm) else { continue }
      let search = DefenceSearch(strengths: strengths, trialCount: rounds * order.count)
      var failure: (any Error)?
      let finding = search.run { index, chain in
        guard failure == nil, secondsLeft > reserve, !result.wasInterrupted else { return nil }
        let subject = plan.experiments[order[index % order.count]]
        do {
          return try attempt(
            subject, chain, seed: plan.configuration.seed &+ UInt64(index / order.count), observe,
            shouldStop)
        } catch {
          failure = error
          return nil
        }
      }
      // What cannot act at all is among what was not tested, not among what was tried.
      if failure == nil || finding.tried > 0 { findings.append((place, finding)) }
      if finding.outcome == .undecided {
        result.remarks.append(
          "The defence \(kind.name)\(failure.map { ": \($0)" } ?? ", as long as it takes to tell")."
        )
      }
      if result.wasInterrupted { return }
    }
  }

  /// Indices of the kinds, the quick ones first, so that what they leave of their shares goes to the
  /// slow ones: of one strength, then most, then those that leave systems of deficient rank, or large ones.
  private var kindsByEffort: [Int] {
    func effort(_ index: Int) -> Int {
      guard let strengths = plan.kinds[index].strengths else { return 0 }
      return strengths.effort == .usual && strengths.defences(1).count == 1
        ? -1 : strengths.effort.rawValue
    }
    return plan.kinds.indices.sorted { (effort($0), $0) < (effort($1), $1) }
  }

  /// Attacks one batch behind a defence; nil when the budget left it less than its share, which tells
  /// nothing.
  private mutating func attempt(
    _ subject: any PreparedExperiment, _ chain: DefenceChain, seed: UInt64,
    _ observe: (LeakageAudit.Progress) -> Void, _ shouldStop: () -> Bool
  ) throws -> DefenceSearch.Trial? {
    var configuration = plan.configuration
    configuration.seed = seed
    configuration.trials = 1
    configuration.iterations = min(configuration.iterations, LeakageAudit.defendedIterations)
    configuration.snapshots = 0
    let hasFullTime = secondsLeft - reserve >= trialLimit
    limit(&configuration, to: max(min(secondsLeft - reserve, trialLimit), 0.1))
    let goal = subject.provenScore
    var record = try attack(
      subject, configuration, chain, step: chain.description, stopsAt: goal, observe, shouldStop
    ).record
    if record.trials.contains(where: { $0.reason == .goalReached }), !Session.hasLeaked(record) {
      // What the attacker would have chosen in the end was another trial's.
      record = try attack(
        subject, configuration, chain, step: chain.description, observe, shouldStop
      ).record
    }
    let isCut = record.wasCutShort
    guard Session.hasLeaked(record) || !result.wasInterrupted && (!isCut || hasFullTime) else {
      return nil
    }
    // The rest of the budget is no part of what was asked for.
    if !isCut { record.limit(to: plan.configuration.timeLimit) }
    result.defended.append(record)
    return DefenceSearch.Trial(record)
  }

  private static func hasLeaked(_ record: RunRecord) -> Bool {
    record.outcome == .leaked
  }

  private static func highest(_ record: RunRecord) -> Double {
    record.judged.map(\.score).filter { !$0.isNaN }.max() ?? -.infinity
  }
}

extension RunRecord {
  /// Says which time limit was asked for, where another one was set and not reached.
  fileprivate mutating func limit(to seconds: Double?) {
    configuration.timeLimit = seconds
    experiment?.attack.timeLimit = seconds
  }
}

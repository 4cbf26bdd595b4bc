import Clients
import TensorGraph

/// How an attack is run: all that is needed, with the update, to repeat it.
public struct AttackConfiguration: Codable, Sendable, Hashable {
  /// A name of ``AttackCatalog``, or ``AttackName/plan`` where there is a plan.
  public var attack: AttackName
  /// Of the searches; closed forms compute in f64.
  public var precision: Precision
  /// Seed of the dummy data; trial t uses a stream of its own derived from it.
  public var seed: UInt64
  /// Starts at most; the first that is solved ends the attack, else the best is kept.
  public var trials: Int
  /// Iterations of the solver at most, in each trial.
  public var iterations: Int
  /// A trial is solved when the matching loss, divided by the squared norm of the shared update, is
  /// at most this.
  public var solvedBelow: Double
  /// Seconds for all trials together; nil for no limit. A limit makes results depend on the machine.
  public var timeLimit: Double?
  /// Number of snapshots of the best trial to keep, spread geometrically over its iterations.
  public var snapshots: Int
  /// What ``AttackName/plan`` runs; its own precision, trials and iterations are overruled by this
  /// configuration's.
  public var plan: OptimizationPlan?
  /// Who attacks; nil for an honest-but-curious server. Changes nothing but the record.
  public var attacker: ThreatModel.Attacker?
  /// Facts that the attacker is not granted: attacks that need one are refused. Nil for none.
  public var unknown: [ThreatModel.Fact]?

  /// Settings that are the usual ones but for those given.
  public init(
    attack: AttackName = .automatic, precision: Precision = .f64, seed: UInt64 = 0, trials: Int = 5,
    iterations: Int = 6000, solvedBelow: Double = 1e-9, timeLimit: Double? = nil,
    snapshots: Int = 10, plan: OptimizationPlan? = nil
  ) {
    self.attack = attack
    self.precision = precision
    self.seed = seed
    self.trials = trials
    self.iterations = iterations
    self.solvedBelow = solvedBelow
    self.timeLimit = timeLimit
    self.snapshots = snapshots
    self.plan = plan
  }

  /// The usual settings of an attack: its plan's own precision, trials and iterations, where there is one.
  public init(_ attack: AttackName, defaultsOf plan: OptimizationPlan?) {
    self.init(attack: attack, plan: plan)
    guard let plan else { return }
    precision = plan.precision
    trials = plan.trials
    iterations = plan.iterations
  }

  /// The attack's name for people: the plan's, where there is one.
  public var attackName: String { plan?.name ?? attack.rawValue }
}

extension AttackConfiguration {
  /// - Throws: ``AttackError`` when a number is out of range.
  func validate() throws(AttackError) {
    guard trials >= 1 else {
      throw AttackError("\(trials) trials: at least 1 is needed", .badInput)
    }
    guard iterations >= 1 else {
      throw AttackError("\(iterations) iterations: at least 1 is needed", .badInput)
    }
    guard solvedBelow >= 0, solvedBelow.isFinite else {
      throw AttackError(
        "the matching loss to stop at is \(solvedBelow); it must be 0 or more", .badInput)
    }
    if let timeLimit, !(timeLimit > 0) {
      throw AttackError(
        "a time limit of \(timeLimit) seconds: it must be more than 0", .badInput)
    }
    try plan?.validate()
    guard snapshots >= 0 else {
      throw AttackError("\(snapshots) snapshots: 0 or more are needed", .badInput)
    }
  }
}

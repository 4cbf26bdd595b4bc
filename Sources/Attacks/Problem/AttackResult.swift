import Clients
import Solvers
import TensorGraph

/// One start of a searching attack.
public struct AttackTrial: Sendable {
  /// What was run.
  public let method: AttackMethod
  /// Who can run it on this update.
  public let category: ThreatModel.Category
  /// Why it ended.
  public let reason: StopReason
  /// Of the solver; 0 for closed forms.
  public let iterations: Int
  /// Of the objective and its gradient.
  public let evaluations: Int
  /// The lowest matching loss reached.
  public let matchingLoss: Double
  /// Second-order work; nil for other methods.
  public let secondOrder: SecondOrderCounts?
  /// The plan's objective at the end, without priors; nil where that is the matching loss itself.
  public var objective: Double? = nil
}

/// A reconstruction at some iteration.
public struct AttackSnapshot: Sendable {
  /// Index of the trial.
  public let trial: Int
  /// Of the solver, in this trial.
  public let iteration: Int
  /// Of the trial, until then.
  public let evaluations: Int
  /// Of the trial, there.
  public let matchingLoss: Double
  /// [N, C, H, W] in f64, not clamped.
  public let images: Tensor
}

/// What an attack gave.
public struct AttackResult: Sendable {
  /// The reconstructions [N, C, H, W] in f64, not clamped to 0...1.
  public let images: Tensor
  /// A class index for each image; where the model labels positions, a mask of them in rows for each.
  public let labels: [Int]
  /// Squared distance between the reconstruction's gradient and the shared one.
  public let matchingLoss: Double
  /// Every start, in order; a closed-form attack counts as one.
  public let trials: [AttackTrial]
  /// Index of the trial the reconstructions come from.
  public let bestTrial: Int
  /// Reconstructions on the way, of all trials, at iterations spread geometrically.
  public let snapshots: [AttackSnapshot]
  /// Equations and condition of each layer, for layer peeling.
  public let layers: [LayerPeeling.Layer]
  /// What the end means; nil for attacks that were asked for by name and not diagnosed.
  public let diagnosis: Diagnosis?
  /// What speaks against the update being this model's, as it was described; nil where nothing does, or
  /// the reconstruction proves that it is.
  public internal(set) var misfit: UpdateMisfit? = nil
  /// What each start of a search of structured inputs came to, [N, C, H, W] in the order of ``images``; empty of other attacks.
  public var restarts: [Tensor] = []
  /// What the automatic attack left out for want of a fact.
  public var skipped: [SkippedAttack] = []
  /// Seconds to build, differentiate and plan the graph.
  public let compileSeconds: Double
  /// Seconds of the attack itself.
  public let attackSeconds: Double

  /// Evaluations of the objective and its gradient in all trials.
  public var evaluations: Int { trials.reduce(0) { $0 + $1.evaluations } }

  /// Whether the user stopped the attack.
  public var wasInterrupted: Bool { trials.last?.reason == .interrupted }
}

/// How far a running attack is.
public struct AttackProgress: Sendable {
  /// Index of the trial.
  public let trial: Int
  /// Of the solver, in this trial.
  public let solver: SolverProgress
  /// Evaluations in all trials so far.
  public let evaluations: Int
  /// Seconds since the attack began.
  public let seconds: Double

  /// Of the properties of these names.
  public init(trial: Int, solver: SolverProgress, evaluations: Int, seconds: Double) {
    self.trial = trial
    self.solver = solver
    self.evaluations = evaluations
    self.seconds = seconds
  }
}

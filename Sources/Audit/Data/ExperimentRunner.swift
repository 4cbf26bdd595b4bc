import Attacks
import Clients
import ModelIO
import Solvers
import TensorGraph

/// Reads experiments on one model, ready to be run one after another.
public protocol ExperimentRunner: Sendable {
  /// Whether every seed draws weights of its own, at least in part.
  var drawsWeights: Bool { get }
  /// What the user should know of the model, a sentence each.
  var notes: [Sentence] { get }

  /// The experiment with the labels that the client's examples get where none are given: drawn from the seed.
  func labelled(_ experiment: Experiment) throws -> Experiment

  /// Reads an experiment's files.
  ///
  /// - Parameter names: of the examples, for tables and file names; made of their paths where nil.
  /// - Throws: `FileError` when a file cannot be read, ``ExperimentError`` or `AttackError` when members do
  ///   not fit the data or each other.
  func prepare(_ experiment: Experiment, names: [String]?) throws -> any PreparedExperiment
}

/// An experiment whose files were read.
public protocol PreparedExperiment: Sendable {
  var experiment: Experiment { get }
  /// What the user should know of how files were understood, a sentence each.
  var notes: [Sentence] { get }
  /// For people and file names.
  var name: String { get }
  /// Whether the client is simulated; false for an update that a client shared.
  var isSimulated: Bool { get }
  /// The mean score from which an attack has shown that an example can be recognised, with room to spare.
  var provenScore: Double { get }

  /// The same data under another attack or other defences.
  func varied(_ change: (inout Experiment) -> Void) -> Self

  /// Whether a simulated client can apply its defences; to be asked of all experiments before the first one runs.
  ///
  /// - Throws: `AttackError` with the defence that cannot act, and why.
  func check() throws

  /// What can be said of a client's update before it is attacked: whether it can be this model's as it was
  /// described, and whether the true examples have it. Nothing of simulated clients.
  ///
  /// - Throws: `AttackError` when the backend fails.
  func fit() throws(AttackError) -> (misfit: UpdateMisfit?, truth: TruthCheck?)

  /// Runs the experiment.
  ///
  /// - Parameter observe: called after every step of an attack; may ask to stop.
  /// - Throws: `AttackError` when the attack or a defence does not apply.
  func run(observe: (ExperimentProgress) -> SolverDecision) throws -> AuditOutcome
}

/// How far the attack of an experiment is.
public struct ExperimentProgress {
  /// Trial, iteration, loss, evaluations and seconds.
  public let attack: AttackProgress
  /// What the attack is doing, such as "checking tokens"; nil for the iterations of a search.
  public let stage: String?
  /// Steps of the stage; nil where that is not known.
  public let steps: Int?
  /// The mean score over the batch, which the attacker cannot see; NaN where the truth is not known.
  public let score: () -> Double
  /// The private texts as they stand; none of other data.
  public let texts: () -> [String]
  /// The private pictures as they stand; none of other data.
  public let pictures: () -> [PictureProgress]

  /// - Parameters:
  ///   - score: computed when asked for.
  ///   - texts: likewise.
  ///   - pictures: likewise.
  public init(
    _ attack: AttackProgress, stage: String? = nil, steps: Int? = nil,
    score: @escaping () -> Double, texts: @escaping () -> [String] = { [] },
    pictures: @escaping () -> [PictureProgress] = { [] }
  ) {
    self.pictures = pictures
    self.attack = attack
    self.stage = stage
    self.steps = steps
    self.score = score
    self.texts = texts
  }
}

/// How far one private picture is.
public struct PictureProgress: Sendable {
  /// As the attack has it, [C, H, W] of values in 0...1.
  public let found: Tensor
  /// As the client has it, which the attacker cannot see; nil where it is not known.
  public let original: Tensor?

  /// - Parameters:
  ///   - found: [C, H, W] of values in 0...1.
  ///   - original: likewise; nil where it is not known.
  public init(found: Tensor, original: Tensor? = nil) {
    self.found = found
    self.original = original
  }
}

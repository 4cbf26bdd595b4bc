import Clients
import TensorGraph

/// One attacked update: its record, and what pictures are drawn from.
public struct AuditOutcome: Sendable {
  /// What is kept.
  public internal(set) var record: RunRecord
  /// What the same run does not give again.
  public let timing: RunTiming
  /// The private images [C, H, W], in the client's order; nil when they are not known. Those of numbers beyond
  /// 0...1 are mapped from their range to that.
  public let originals: [Tensor]?
  /// For each original its reconstruction [C, H, W], clamped to 0...1 or mapped like its original; in the
  /// attack's order where there are no originals.
  public let reconstructions: [Tensor]
  /// The same as the attack gave them, neither clamped nor mapped.
  public let numbers: [Tensor]
  /// For each image the best trial on the way, at most as many as asked for.
  public let frames: [[Frame]]
  /// Whether the user ended it.
  public let wasInterrupted: Bool
  /// For each image the classes of its pixels in rows, the true ones where they are known and the ones found; nil where
  /// the model gives one label for each image.
  package internal(set) var masks: [(truth: [Int]?, found: [Int])]?
  /// What was attacked and the labels that were found, for kinds of data that check them further; nil of texts.
  package internal(set) var attacked: AttackedUpdate?

  /// - Parameters: as the properties of these names; pictures are not there for other data.
  public init(
    record: RunRecord, timing: RunTiming, originals: [Tensor]? = nil,
    reconstructions: [Tensor] = [], numbers: [Tensor] = [], frames: [[Frame]] = [],
    wasInterrupted: Bool = false
  ) {
    self.record = record
    self.timing = timing
    self.originals = originals
    self.reconstructions = reconstructions
    self.numbers = numbers
    self.frames = frames
    self.wasInterrupted = wasInterrupted
  }

  /// A reconstruction of one image at some iteration of the best trial.
  public struct Frame: Sendable {
    /// Of the best trial.
    public let iteration: Int
    /// There.
    public let matchingLoss: Double
    /// [C, H, W], clamped to 0...1.
    public let image: Tensor
  }
}

/// The update behind an outcome, with what was found besides the inputs.
package struct AttackedUpdate: Sendable {
  package let weighted: WeightedModel
  package let update: SharedUpdate
  /// How the client's model computed.
  package let mode: ForwardMode
  /// One for each input of ``AuditOutcome/numbers``, in that order.
  package let labels: [Int]
  /// That the labels are of.
  package let loss: ClientLoss
  /// What each start of a search came to, in the same order; empty where that is not known.
  package let restarts: [[Tensor]]
}

import Leakage

/// What a sweep runs: groups of runs, each of them every combination of its lists.
///
/// Read from YAML (``init(yaml:path:)``), made from a preset or from options.
public struct SweepPlan: Sendable, Equatable {
  /// One Cartesian product.
  public struct Group: Sendable, Equatable {
    /// Nil for the usual one of the data.
    public var model: String?
    /// What a language model ends in; nil for what its folder says.
    public var head: String?
    /// Instead of the model's own.
    public var activation: String?
    /// Instead of the model's own.
    public var classes: Int?
    public var defences: [DefenceChain] = [.none]
    public var attacks: [SweepAttack] = [SweepAttack(kind: .automatic)]
    /// Examples that share one gradient.
    public var batchSizes = [1]
    /// Height and width of the images.
    public var sizes = [32]
    /// Number of seeds, from ``firstSeed`` up. A seed sets weights, labels, noise and dummy data.
    public var seeds = 3
    public var firstSeed: UInt64 = 0
    /// Examples at most of each seed; nil for all.
    public var examples: Int?
    /// Starts and iterations at most; nil for 1 and 300, or the attack's own.
    public var trials: Int?
    public var iterations: Int?

    public init() {}
  }

  /// A folder of pictures, or nil for the bundled photographs.
  public var imageFolder: String?
  /// A file with one private text a line, instead of pictures; nil for none.
  public var textFile: String?
  public var groups: [Group]

  public init(groups: [Group], imageFolder: String? = nil, textFile: String? = nil) {
    self.groups = groups
    self.imageFolder = imageFolder
    self.textFile = textFile
  }
}

/// A plan that cannot be run.
public struct SweepError: Error, Hashable, Sendable, CustomStringConvertible {
  /// One sentence: what is wrong, where, and how to mend it.
  public let message: String

  public init(_ message: String) {
    self.message = message
  }

  public var description: String { message }
}

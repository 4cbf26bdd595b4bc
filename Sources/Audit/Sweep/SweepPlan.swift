import Defences

/// What a sweep runs: groups of runs, each of them every combination of its lists.
///
/// Read from YAML (``init(yaml:path:)``), made from a preset or from options.
package struct SweepPlan: Sendable, Equatable {
  /// One Cartesian product.
  package struct Group: Sendable, Equatable {
    /// Nil for the usual one of the data.
    package var model: String?
    /// What a language model ends in; nil for what its folder says.
    package var head: String?
    /// Instead of the model's own.
    package var activation: String?
    /// Instead of the model's own.
    package var classes: Int?
    package var defences: [DefenceChain] = [.none]
    package var attacks: [SweepAttack] = [SweepAttack(kind: .automatic)]
    /// Examples that share one gradient.
    package var batchSizes = [1]
    /// Height and width of the images.
    package var sizes = [32]
    /// Number of seeds, from ``firstSeed`` up. A seed sets weights, labels, noise and dummy data.
    package var seeds = 3
    package var firstSeed: UInt64 = 0
    /// Examples at most of each seed, and of rows updates; nil for all, and for 16 updates of rows.
    package var examples: Int?
    /// Starts and iterations at most; nil for 1 and 300, or the attack's own.
    package var trials: Int?
    package var iterations: Int?

    package init() {}
  }

  /// A folder of pictures, or nil for the bundled photographs.
  package var imageFolder: String?
  /// A file with one private text a line, instead of pictures; nil for none.
  package var textFile: String?
  /// A table whose rows are private, likewise.
  package var table: TableChoice?
  package var groups: [Group]

  package init(
    groups: [Group], imageFolder: String? = nil, textFile: String? = nil, table: TableChoice? = nil
  ) {
    self.groups = groups
    self.table = table
    self.imageFolder = imageFolder
    self.textFile = textFile
  }
}

/// A plan that cannot be run.
package struct SweepError: Error, Hashable, Sendable, CustomStringConvertible {
  /// One sentence: what is wrong, where, and how to mend it.
  package let message: String

  package init(_ message: String) {
    self.message = message
  }

  package var description: String { message }
}

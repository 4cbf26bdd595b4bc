import Foundation
import TensorGraph

/// One of several workers' shares of a sweep.
///
/// A run belongs to the share that the FNV-1a hash of its key (``SweepTask/key``) has as its remainder: the same on every machine
/// and for every start, whatever is finished by then.
package struct SweepShard: Sendable, Hashable {
  /// From 0.
  package let index: Int
  /// Shares in all, 1 or more.
  package let count: Int

  /// Shares at most.
  package static let counts = 1...100_000

  package init?(index: Int, count: Int) {
    guard SweepShard.counts.contains(count), (0..<count).contains(index) else { return nil }
    (self.index, self.count) = (index, count)
  }

  /// What a scheduler's environment says of this worker: an array job of Slurm, or of Kubernetes an indexed job, which tells its
  /// place and not how many there are.
  ///
  /// - Parameter count: shares in all; nil for what the environment tells.
  /// - Returns: nil where it tells nothing, or no share of so many.
  package init?(environment: [String: String], count: Int? = nil) {
    func number(_ name: String) -> Int? { environment[name].flatMap(Int.init) }
    if let task = number("SLURM_ARRAY_TASK_ID"), let total = number("SLURM_ARRAY_TASK_COUNT") {
      let (step, least) = (
        max(number("SLURM_ARRAY_TASK_STEP") ?? 1, 1), number("SLURM_ARRAY_TASK_MIN") ?? 0
      )
      let (place, rest) = task.subtractingReportingOverflow(least)
      guard !rest else { return nil }
      self.init(index: place / step, count: count ?? total)
    } else if let place = number("JOB_COMPLETION_INDEX"), let count {
      self.init(index: place, count: count)
    } else {
      return nil
    }
  }

  /// Whether the run of this key is in this share.
  package func contains(_ key: String) -> Bool {
    var hash = FNV1a()
    hash.add(key.utf8)
    return hash.hash % UInt64(count) == UInt64(index)
  }
}

extension SweepShard: CustomStringConvertible {
  package var description: String { "\(index)/\(count)" }
}

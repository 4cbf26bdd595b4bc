import Clients
import Foundation
import Solvers
import TensorGraph

/// What a classifier of updates reads: of each shared tensor its numbers, those of large ones summed up with random signs in a
/// fixed number of sums (Weinberger et al. 2009, arXiv 0902.2206: inner products stay what they are on average), and the
/// logarithm of its norm.
struct UpdateFeatures {
  /// Numbers that are kept of a tensor.
  private static let sumCount = 128

  /// For each shared tensor where each of its numbers goes and with which sign; nil for small tensors, whose numbers all stay.
  private let plans: [Int: [(place: Int32, sign: Double)]]
  private let shared: [Int]

  /// - Parameter update: one of those that are to be read; all have its tensors.
  init(of update: SharedUpdate, seed: UInt64) {
    shared = update.sharedParameters
    var plans: [Int: [(place: Int32, sign: Double)]] = [:]
    for parameter in shared where update.gradients[parameter].shape.elementCount > Self.sumCount {
      var source = RandomSource(seed: seed).derive(label: "feature sums").derive(index: parameter)
      plans[parameter] = (0..<update.gradients[parameter].shape.elementCount).map { _ in
        let bits = source.next()
        return (Int32((bits >> 1) % UInt64(Self.sumCount)), bits & 1 == 0 ? 1 : -1)
      }
    }
    self.plans = plans
  }

  /// The features of an update.
  func values(_ update: SharedUpdate) -> [Double] {
    shared.flatMap { parameter -> [Double] in
      let numbers = update.gradients[parameter].doubles
      let norm = numbers.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let size = log(max(norm, 1e-300))
      guard let plan = plans[parameter] else { return numbers + [size] }
      var sums = [Double](repeating: 0, count: Self.sumCount)
      for (number, (place, sign)) in zip(numbers, plan) { sums[Int(place)] += sign * number }
      return sums + [size]
    }
  }
}

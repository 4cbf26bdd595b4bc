import Solvers

/// What chance decides of a round, by the seed: all parties come to the same.
package struct RoundPlan: Sendable {
  private let settings: FederationSettings
  private let source: RandomSource

  /// - Parameter round: from 0.
  package init(_ settings: FederationSettings, round: Int) {
    self.settings = settings
    source = RandomSource(seed: settings.seed).derive(label: "rounds").derive(index: round)
  }

  /// Whether a worker drops out of the round.
  package func dropsOut(_ worker: Int) -> Bool {
    chance("dropout", worker) < settings.dropout
  }

  /// Of a worker that drops out of secure aggregation the step at which it does, from 0; equally likely each.
  package func dropoutStep(_ worker: Int, of count: Int) -> Int {
    min(Int(chance("step of dropout", worker) * Double(count)), count - 1)
  }

  /// Whether a worker answers late.
  package func isLate(_ worker: Int) -> Bool {
    chance("straggler", worker) < settings.stragglers
  }

  /// The private examples that a worker takes, in the order of its steps: drawn without repetition.
  ///
  /// - Parameter count: of examples that the worker has.
  package func examples(of worker: Int, count: Int) -> [Int] {
    var source = source.derive(label: "batch").derive(index: worker)
    return Array(source.permutation(of: count).prefix(settings.batchSize))
  }

  private func chance(_ purpose: String, _ worker: Int) -> Double {
    var source = source.derive(label: purpose).derive(index: worker)
    return source.uniform()
  }
}

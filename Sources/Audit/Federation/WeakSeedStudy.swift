import Attacks
import Federation
import Foundation
import ModelIO
import Solvers
import TensorGraph

/// What becomes of secure aggregation whose masks have seeds of few bits: the seed is searched for, and what it hid is
/// attacked.
package struct WeakSeedStudy {
  private let plan: FederationPlan
  private let scene: FederationPlan.Scene
  private let backend: any Backend

  /// What was found: written as `weak-seed.json`.
  package struct Record: Codable, Sendable {
    /// The program's version.
    package var tool = GradleakVersion.current
    /// All that the parties had agreed upon.
    package let plan: FederationPlan
    /// Bits of the masks' seeds.
    package let seedBits: Int
    /// Words of the victim's vector that the server knows: its weight.
    package let knownWords: Int
    /// Seeds that were tried until one fitted.
    package let tried: Int
    /// Seconds that this took, on one core.
    package let seconds: Double
    /// Seeds in a second.
    package let seedsPerSecond: Double
    /// Hours on one core that all seeds of 32 bits take at that speed.
    package let hoursFor32Bits: Double
    /// Whether the victim's words came out as they are.
    package let isExact: Bool
    /// What an attack made of the victim's share.
    package var seen: [FederationRecord.Seen] = []
  }

  /// - Parameter backend: of the workers and the attack.
  package init(
    _ plan: FederationPlan, _ scene: FederationPlan.Scene, backend: any Backend
  ) {
    self.plan = plan
    self.scene = scene
    self.backend = backend
  }

  /// Plays the round, and searches for the seed.
  ///
  /// - Returns: what was found, and the round as it then lies open.
  /// - Throws: ``FederationError`` for settings that do not allow it; `AttackError` when the backend fails.
  package func run() throws -> (record: Record, tap: RoundTap) {
    let settings = plan.settings
    let protocolSettings = try settings.secureAggregation(valueCount: scene.vector.count)
    let quantizer = try settings.quantizer()
    var inputs: [[UInt32]] = []
    var shares: [LocalTrainer.Share] = []
    var tap = RoundTap(round: 0, before: scene.weights)
    for worker in 0..<settings.workers {
      let positions = scene.training.shard(
        worker, of: settings.workers, plan.data.shards, seed: settings.seed)
      let trainer = LocalTrainer(
        scene.weighted, settings, shard: scene.training.part(positions), backend: backend)
      let share = try trainer.share(worker: worker, round: 0, weights: scene.weights)
      var source = RandomSource(seed: settings.seed).derive(label: "rounding").derive(index: worker)
      inputs.append(
        try quantizer.words(
          for: scene.vector.flat(share.tensors).map(Double.init), weight: share.examples.count,
          using: &source))
      shares.append(share)
      if worker == 0 { tap.batches[0] = trainer.batch(share) }
    }
    let late = try LateVector(
      inputs, victim: 1, protocolSettings,
      using: RandomSource(seed: settings.seed).derive(label: "secrets"))
    guard late.isUnderOwnMaskAlone else {
      throw FederationError("more than one mask is left on the late vector", .refused)
    }
    let search = try WeakSeedSearch(
      seedBits: settings.seedBits, maskedWords: [0: late.words[0]],
      knownWords: [0: UInt32(shares[0].examples.count)], sign: .plus)
    let outcome = try search.run()
    let words = try outcome.seed.map { seed throws(FederationError) in try late.words(without: seed)
    }
    let isExact = words == inputs[0]
    if let words, isExact {
      let mean = try quantizer.weightedMean(ofSum: words)
      tap.shares[0] = scene.vector.tensors(mean.values.map { Float($0) })
      tap.inClear = [0]
    }
    let (seconds, attoseconds) = outcome.duration.components
    return (
      Record(
        plan: plan, seedBits: settings.seedBits, knownWords: 1, tried: outcome.tried,
        seconds: Double(seconds) + 1e-18 * Double(attoseconds),
        seedsPerSecond: outcome.seedsPerSecond,
        hoursFor32Bits: 0x1p32 / max(outcome.seedsPerSecond, 1) / 3600, isExact: isExact), tap
    )
  }
}

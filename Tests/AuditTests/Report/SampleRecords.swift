import Leakage

@testable import Audit

/// A record of one update with given results, otherwise of the paper's network.
func sampleRecord(
  images: [ImageResult], attack: AttackKind = .automatic, seed: UInt64 = 0,
  defence: DefenceChain? = nil, update: String = "fnv1a64:1", trace: [TracePoint] = []
) -> RunRecord {
  RunRecord(
    tool: "0.1.0", configuration: AttackConfiguration(attack: attack, seed: seed),
    model: ModelSummary(
      name: "lenet", activation: "sigmoid", inputShape: [3, 32, 32], classCount: 100,
      parameterCount: 85036, weights: "untrained, initialised with seed \(seed)",
      fingerprint: "fnv1a64:0123456789abcdef"),
    update: UpdateSummary(
      kind: "gradient", loss: "mean cross entropy", batchSize: images.count, localSteps: 1,
      norm: 0.1, fingerprint: update),
    threatModel: ThreatModel(),
    trials: [
      TrialRecord(
        method: "l-bfgs", reason: .solved, iterations: 5, evaluations: 6, matchingLoss: 1e-12)
    ],
    bestTrial: 0, matchingLoss: 1e-12, images: images, trace: trace,
    defence: defence.map {
      DefenceSummary(
        chain: $0, isAdaptive: true, wireByteCount: 50, plainByteCount: 100, sentCount: 10)
    })
}

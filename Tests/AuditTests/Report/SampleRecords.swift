import Attacks
import Clients
import Defences
import Foundation
import Solvers

@testable import Audit

/// A record of one update with given results, otherwise of the paper's network.
func sampleRecord(
  images: [ImageResult], attack: AttackName = .automatic, seed: UInt64 = 0,
  defence: DefenceChain? = nil, update: String? = nil, trace: [TracePoint] = [],
  reason: StopReason = .solved, diagnosis: Diagnosis.Verdict? = nil
) -> RunRecord {
  var experiment = Experiment()
  experiment.data.pictures = images.map(\.name)
  experiment.defences = defence ?? .none
  experiment.attack = AttackConfiguration(attack: attack, seed: seed)
  var record = RunRecord(
    tool: "0.1.0", configuration: AttackConfiguration(attack: attack, seed: seed),
    model: ModelSummary(
      name: "lenet", activation: "sigmoid", inputShape: [3, 32, 32], classCount: 100,
      parameterCount: 85036, weights: .drawn(seed: seed),
      fingerprint: "fnv1a64:0123456789abcde\(seed)"),
    update: UpdateSummary(
      kind: "gradient", loss: "mean cross entropy", batchSize: images.count, localSteps: 1,
      norm: 0.1,
      fingerprint: update ?? "fnv1a64:\(seed)\(defence?.description ?? "")"),
    threatModel: ThreatModel(),
    trials: [
      TrialRecord(
        method: "l-bfgs", reason: reason, iterations: 5, evaluations: 6, matchingLoss: 1e-12)
    ],
    bestTrial: 0, matchingLoss: 1e-12, images: images, trace: trace,
    diagnosis: diagnosis.map { Diagnosis(sample: $0) },
    defence: defence.map {
      DefenceSummary(
        chain: $0, isAdaptive: true, wireByteCount: 50, plainByteCount: 100, sentCount: 10)
    })
  record.experiment = experiment
  return record
}

extension Diagnosis {
  /// A diagnosis of which only the verdict matters, as a file would give it.
  init(sample verdict: Verdict) {
    let text = """
      {"verdict": "\(verdict.rawValue)", "explanation": "Because.", "relativeMatchingLoss": 0,
       "unknowns": 1, "equationBound": 1}
      """
    self = try! JSONDecoder().decode(Diagnosis.self, from: Data(text.utf8))
  }
}

import CPUBackend
import Leakage
import TensorGraph
import Testing

@testable import Audit

/// Whole audits of a small model.
@Suite struct LeakageAuditTests {
  private func audit(_ ladders: [String]) throws -> LeakageAudit.Result {
    let model = try ModelCatalog.model(
      named: "lenet", ModelOptions(inputShape: [3, 8, 8], classCount: 5))
    let batches = BundledImages.all(size: 32).prefix(2).map { name, picture in
      [PrivateExample(name: name, picture: picture, label: 2, inputShape: model.inputShape)]
    }
    let plan = LeakageAudit.Plan(
      configuration: AttackConfiguration(attack: .automatic, trials: 1, snapshots: 0),
      // More than any machine needs: attacks end by themselves.
      batches: Array(batches), ladders: ladders, budget: 36_000)
    return try LeakageAudit(plan) { seed in
      SimulatedAudit(
        WeightedModel(untrained: model, seed: seed), activation: "sigmoid", weights: "untrained",
        backend: CPUBackend(CPUBackend.Options(threadCount: 1)))
    }.run()
  }

  /// Findings stand in the order asked for, though quick ladders are climbed first; an attack ends when
  /// the image can be recognised.
  @Test func stopsAtAProvenLeak() throws {
    let result = try audit(["gaussian", "fp16"])
    #expect(result.findings.map(\.defence) == ["gaussian", "fp16"])
    #expect(result.defended.first?.defence?.chain.description == "fp16")
    #expect(result.findings[1].outcome == .leaks)
    #expect(result.findings[0].outcome == .stops)
    let ended = result.defended.filter { $0.trials.contains { $0.reason == .goalReached } }
    #expect(!ended.isEmpty)
    for record in ended { #expect(LeakLevel(record.images[0]) >= .recognisable) }
  }

  @Test func everyLadderCanBeClimbed() {
    for name in DefenceLadder.standardNames + DefenceLadder.otherNames {
      let ladder = DefenceLadder.standard(name, updateNorm: 27)
      #expect(ladder?.name == name && ladder?.rungs.isEmpty == false, "\(name)")
    }
    #expect(DefenceLadder.standard("prume", updateNorm: 1) == nil)
  }
}

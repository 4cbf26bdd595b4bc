import Attacks
import CPUBackend
import Defences
import TensorGraph
import Testing

@testable import Audit

/// Whole audits of a small model.
@Suite struct LeakageAuditTests {
  private func audit(_ kinds: [String]) throws -> LeakageAudit.Result {
    var experiment = Experiment()
    experiment.model.size = 8
    experiment.model.classes = 5
    experiment.attack = AttackConfiguration(attack: .automatic, trials: 1, snapshots: 0)
    experiment.data.labels = [ExampleLabel("2")]
    let runner = PictureRunner(
      try experiment.model.select(), backend: CPUBackend(CPUBackend.Options(threadCount: 1)))
    let prepared = try BundledImages.names.prefix(2).map { name in
      experiment.data.pictures = [name]
      return try runner.prepare(experiment, names: nil)
    }
    let plan = LeakageAudit.Plan(
      experiments: prepared,
      kinds: kinds.compactMap { name in DefenceCatalog.all.first { $0.name == name } },
      // More than any machine needs: attacks end by themselves.
      budget: 36_000)
    return try LeakageAudit(plan, runner: runner).run()
  }

  /// Findings stand in the order asked for, though quick kinds are searched first; an attack ends when
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
}

import CPUBackend
import TensorGraph
import Testing

@testable import Attacks
@testable import Clients

/// Attacks of someone who does not know what they need.
@Suite struct AttackNeedsTests {
  private struct Simulation {
    let weighted: WeightedModel
    let update: SharedUpdate
    let images: Tensor

    init(
      _ name: String, training: LocalTraining? = nil, batchSize: Int = 1
    ) throws {
      let model = try AttackedClient.smallModel(name, width: name == "lenet" ? nil : 8)
      weighted = WeightedModel(untrained: model, seed: 0)
      images = model.fixtureBatch(batchSize).images
      update = try weighted.share(
        images: images, labels: Array([3, 1, 0].prefix(batchSize)), training: training,
        backend: AttackedClient.backend)
    }

    func run(
      _ attack: AttackName, unknown: [ThreatModel.Fact], plan: OptimizationPlan? = nil,
      knownLabels: [Int]? = nil
    ) throws -> AttackResult {
      var configuration = AttackConfiguration(
        attack: attack, trials: 1, iterations: 3, snapshots: 0, plan: plan)
      configuration.unknown = unknown
      return try AttackProblem(
        weighted, update: update, configuration: configuration, knownLabels: knownLabels,
        backend: AttackedClient.backend
      ).run()
    }

    func refusal(
      _ attack: AttackName, _ unknown: ThreatModel.Fact, plan: OptimizationPlan? = nil,
      knownLabels: [Int]? = nil
    ) -> String? {
      attackErrorMessage {
        _ = try run(attack, unknown: [unknown], plan: plan, knownLabels: knownLabels)
      }
    }
  }

  /// Every attack, for every fact that it always needs.
  @Test(arguments: AttackCatalog.all.map(\.descriptor.name).filter { $0 != .automatic })
  func everyAttackIsRefusedWithoutItsFacts(_ kind: AttackName) throws {
    let simulation = try Simulation("lenet")
    let attack = try AttackCatalog.attack(named: kind.rawValue)
    let statement = AttackConfiguration.statement(of: attack)
    let facts = attack.descriptor.needs.filter { $0.condition == .always }.map(\.fact)
    #expect(!facts.isEmpty)
    for fact in facts {
      let message = simulation.refusal(statement.attack, fact, plan: statement.plan)
      #expect(
        message?.contains("needs to know the \(fact.rawValue), which this attacker does not")
          == true, "\(kind) \(fact): \(message ?? "ran")")
    }
  }

  @Test func whatAnUpdateIsLikeDecidesWhatIsNeeded() throws {
    let plain = try Simulation("lenet")
    #expect(
      try plain.run(.dlg, unknown: [.localTraining, .miniBatchOrder, .clients]).trials.count == 1)
    let trained = try Simulation(
      "lenet",
      training: LocalTraining(
        clientSizes: [2, 1], miniBatchSize: 1, epochs: 2, learningRate: 0.1), batchSize: 3)
    for fact in [ThreatModel.Fact.localTraining, .clients, .miniBatchOrder] {
      #expect(trained.refusal(.dlg, fact)?.contains(fact.rawValue) == true, "\(fact)")
    }
    let normalized = try Simulation("resnet20")
    #expect(
      normalized.refusal(.dlg, .batchNormStatistics)?.contains("batch norm statistics") == true)
    #expect(plain.refusal(.dlg, .batchNormStatistics) == nil)
  }

  @Test func plansDeclareTheirParts() throws {
    let simulation = try Simulation("lenet")
    var plan = OptimizationPlan()
    plan.labels = .known
    #expect(simulation.refusal(.plan, .labels, plan: plan)?.contains("labels=recovered") == true)
    plan = OptimizationPlan()
    plan.initialization.kind = .given
    #expect(simulation.refusal(.plan, .similarImage, plan: plan)?.contains("similar image") == true)
    #expect(
      AttackPresets.seeThroughGradients.plan.needs.contains(
        AttackNeed(.batchNormStatistics, .always)))
    #expect(!AttackPresets.dataLeakageInFedAvg.plan.needs.contains { $0.fact == .miniBatchOrder })
    #expect(
      simulation.refusal(.dlg, .labels, knownLabels: [3])?.contains("said not to know them") == true
    )
  }

  /// Without weights and loss the first layer still gives its input away.
  @Test func autoTakesWhatIsKnown() throws {
    let simulation = try Simulation("mlp")
    let result = try simulation.run(.automatic, unknown: [.weights, .lossFunction])
    #expect(result.trials.map(\.method.name) == ["linear layer"])
    #expect(result.skipped.map(\.attack) == ["peeling", "lm"])
    #expect(result.skipped.allSatisfy { $0.fact == .weights })
    #expect(
      ImageMetrics.peakSignalToNoiseRatio(
        unstacked(result.images)[0], unstacked(simulation.images)[0]) > 100)
    let convolutional = try Simulation("lenet")
    #expect(
      convolutional.refusal(.automatic, .weights)?.contains(
        "every attack that applies here needs to know the weights") == true)
  }

  @Test func needsAreDescribed() {
    #expect(
      AttackNeed.description(of: LinearLayerAttack().descriptor.needs) == "architecture, batch size"
    )
    #expect(
      AttackNeed.description(of: LevenbergMarquardtAttack().descriptor.needs).hasSuffix(
        "batch norm in evaluation mode: batch norm statistics"))
    for fact in ThreatModel.Fact.allCases { #expect(!fact.name.contains(" ")) }
  }
}

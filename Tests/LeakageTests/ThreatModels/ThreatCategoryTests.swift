import Testing

@testable import Attacks
@testable import Clients
@testable import Texts

/// Attacks by the threat models A to H of Carletti et al. (USENIX Security 2025).
@Suite struct ThreatCategoryTests {
  /// What the authors' table (github.com/gparrella12/sok_gias_fl, "Gradient Inversion Attacks") takes these
  /// attacks' papers for.
  @Test(arguments: [
    ("dlg", "A"), ("idlg", "A"), ("inverting-gradients", "B"), ("see-through-gradients", "E"),
  ])
  func presetsAreClassedAsTheirPapers(_ name: String, _ letter: String) throws {
    let plan = try AttackPresets.preset(named: name).plan
    #expect(plan.category.rawValue == letter)
  }

  @Test func fedAvgTakesTrainingDetails() {
    let plan = AttackPresets.dataLeakageInFedAvg.plan
    #expect(plan.category == .informedEavesdropper)
    #expect(plan.category.afterLocalSteps(plan.needs).rawValue == "C")
    // Quotients of the first layer's gradients need no training details.
    #expect(
      ThreatModel.Category.eavesdropper.afterLocalSteps(LinearLayerAttack().descriptor.needs)
        .rawValue == "A")
    #expect(
      AttackPresets.seeThroughGradients.plan.category.afterLocalSteps(plan.needs).rawValue == "E")
  }

  @Test func closedFormsAreClassedAsTheirPapers() {
    for attack in [RGapAttack(), AprilAttack(), SpearAttack()] as [any Attack] {
      #expect(attack.descriptor.category?.rawValue == "B")
    }
    #expect(AutomaticAttack().descriptor.category == nil)
    #expect(LinearLayerAttack().descriptor.category?.rawValue == "A")
  }

  @Test func partsOfAPlanDecide() {
    var plan = OptimizationPlan()
    plan.constraints.box = false
    #expect(plan.category == .eavesdropper)
    plan.constraints.box = true
    #expect(plan.category == .informedEavesdropper)
    plan.solver.kind = .lbfgs  // has no constraints
    #expect(plan.category == .eavesdropper)
    plan.prior.totalVariation.weight = 0.1
    #expect(plan.category == .informedEavesdropper)
    plan.initialization.kind = .given
    #expect(plan.category == .dataEnhancedEavesdropper)
    plan.prior.batchNorm.weight = 1
    #expect(plan.category == .statisticalInformedEavesdropper)
  }

  @Test func languageModelsAreSurrogateData() {
    #expect(TextAttackKind.lamp.category(hasPrior: true, followsTraining: false).rawValue == "D")
    #expect(TextAttackKind.dager.category(hasPrior: true, followsTraining: false).rawValue == "A")
    #expect(TextAttackKind.dager.category(hasPrior: false, followsTraining: true).rawValue == "C")
  }

  /// What ran, not what was asked for, and on which update.
  @Test func resultsCarryTheirCategory() throws {
    let model = try AttackedClient.smallModel("mlp", width: 8)
    let weighted = WeightedModel(untrained: model, seed: 0)
    func category(_ attack: AttackName, steps: Int) throws -> ThreatModel.Category {
      let update = try weighted.share(
        images: model.fixtureBatch(1).images, labels: [3],
        training: steps == 1
          ? nil
          : LocalTraining(clientSizes: [1], miniBatchSize: 1, epochs: steps, learningRate: 0.1),
        backend: AttackedClient.backend)
      let result = try AttackProblem(
        weighted, update: update,
        configuration: AttackConfiguration(attack: attack, trials: 1, iterations: 2, snapshots: 0),
        backend: AttackedClient.backend
      ).run()
      return result.trials[result.bestTrial].category
    }
    #expect(try category(.dlg, steps: 1).rawValue == "A")
    #expect(try category(.dlg, steps: 3).rawValue == "C")
    #expect(try category(.linear, steps: 3).rawValue == "A")
  }

  @Test func lettersAndNamesAreTheTables() {
    #expect(ThreatModel.Category.allCases.map(\.rawValue).joined() == "ABCDEFGH")
    #expect(Set(ThreatModel.Category.allCases.map(\.title)).count == 8)
    #expect(
      ThreatModel(category: .informedEavesdropper).description.hasSuffix(
        "; the result takes at least threat model B (informed eavesdropper)"))
  }
}

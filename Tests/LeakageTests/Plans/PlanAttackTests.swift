import TensorGraph
import Testing

@testable import Attacks
@testable import Clients

@Suite struct PlanAttackTests {
  private func configuration(
    _ plan: OptimizationPlan, trials: Int = 1, iterations: Int = 30
  ) -> AttackConfiguration {
    AttackConfiguration(
      attack: .plan, precision: plan.precision, seed: 4, trials: trials, iterations: iterations,
      plan: plan)
  }

  private func plan(_ change: (inout OptimizationPlan) -> Void) -> OptimizationPlan {
    var plan = OptimizationPlan()
    change(&plan)
    return plan
  }

  /// A narrow ResNet-20 with batch norm, of images of 9x9 pixels.
  private func resNet(labels: [Int]) throws -> AttackedClient {
    try AttackedClient(
      ModelCatalog.model(
        named: "resnet20",
        ModelOptions(inputShape: [3, 9, 9], classCount: 5, activation: .silu, width: 4)),
      labels: labels)
  }

  /// Each preset runs on a model that has what it needs, and lowers the objective.
  @Test(arguments: AttackPresets.all.map(\.plan.name)) func presetsRun(_ name: String) throws {
    let plan = try AttackPresets.preset(named: name).plan
    var client = try resNet(labels: [2])
    if plan.inputs == .structured {
      let numbers = (0..<client.images.shape.elementCount).map {
        InputStructure.Part.number($0, 0...1, grid: nil)
      }
      client = try AttackedClient(
        client.weighted.model.reading(InputStructure(numbers)), labels: [2])
    }
    let short = try client.attack(configuration(plan, iterations: 1))
    let result = try client.attack(configuration(plan, iterations: 30))
    #expect(result.trials.map(\.method.name) == [name])
    #expect(result.images.shape == client.images.shape)
    #expect(result.images.doubles.allSatisfy { $0.isFinite })
    #expect(result.labels.count == 1)
    func objective(_ result: AttackResult) -> Double {
      result.trials[0].objective ?? result.matchingLoss
    }
    // A strong prior may be lowered at the expense of the objective.
    if plan.prior.batchNorm.weight == 0 { #expect(objective(result) < objective(short)) }
    if plan.constraints.box { #expect(result.images.doubles.allSatisfy { (0...1).contains($0) }) }
  }

  /// The composition of parts is the attack: dlg by name and by its preset are one run.
  @Test(arguments: [AttackName.dlg, .idlg]) func presetsAreTheNamedAttacks(
    _ kind: AttackName
  ) throws {
    let client = try AttackedClient.leNet()
    let named = try client.attack(
      AttackConfiguration(attack: kind, seed: 4, trials: 2, iterations: 20))
    let preset = try client.attack(
      configuration(
        AttackPresets.preset(named: kind.rawValue).plan, trials: 2, iterations: 20))
    #expect(named.images == preset.images)
    #expect(named.trials.map(\.matchingLoss) == preset.trials.map(\.matchingLoss))
  }

  /// First-order search on a smooth network gets the picture.
  @Test func signedAdamReconstructs() throws {
    let client = try AttackedClient.leNet(.tanh, labels: [3])
    let plan = plan { $0.prior.totalVariation.weight = 1e-6 }
    let result = try client.attack(configuration(plan, iterations: 3000))
    #expect(client.psnr(of: result.images) > 25)
    #expect(result.labels == [3])
  }

  @Test func compilesOncePerScaleAndCountsEvaluations() throws {
    let client = try resNet(labels: [1])
    let backend = CountingBackend()
    let plan = plan { $0.scales = [0.34, 1] }
    let result = try client.attack(configuration(plan, trials: 2, iterations: 8), backend: backend)
    #expect(backend.compilationCount == 2)
    #expect(result.evaluations == backend.runCount)
    #expect(result.trials.map(\.iterations) == [8, 8])
    #expect(result.snapshots.allSatisfy { $0.images.shape == client.images.shape })
  }

  @Test func sameSeedSameResult() throws {
    let client = try resNet(labels: [1, 3])
    var plan = try AttackPresets.preset(named: "see-through-gradients").plan
    plan.prior.group.seeds = 2
    let results = try (0..<2).map { _ in try client.attack(configuration(plan)) }
    #expect(results[0].images == results[1].images)
    #expect(results[0].images.shape == client.images.shape)
  }

  @Test func keepsTheTrialWithTheLowestObjective() throws {
    let client = try resNet(labels: [1])
    let result = try client.attack(configuration(OptimizationPlan(), trials: 4, iterations: 15))
    let objectives = result.trials.compactMap(\.objective)
    #expect(objectives.count == 4)
    #expect(objectives[result.bestTrial] == objectives.min())
  }

  @Test func startsFromGivenImages() throws {
    let client = try resNet(labels: [1])
    let plan = plan { $0.initialization.kind = .given }
    let result = try AttackProblem(
      client.weighted, update: client.update, configuration: configuration(plan, iterations: 3),
      startingImages: client.images, backend: AttackedClient.backend
    ).run()
    // The first point is the best: it is the private image.
    #expect(client.psnr(of: result.images) > 100)
    #expect(
      attackErrorMessage { _ = try client.attack(configuration(plan)) }?.contains("none") == true)
  }

  @Test(arguments: [
    Initialization(kind: .uniform, mean: 0.5, deviation: 0.25),
    Initialization(kind: .constant, mean: 0.25),
    Initialization(kind: .pattern, mean: 0, deviation: 1, tile: 3),
  ])
  func startsAsAsked(_ initialization: Initialization) throws {
    let client = try resNet(labels: [1])
    let plan = plan {
      $0.initialization = initialization
      $0.constraints.box = false
    }
    var first: [Double] = []
    _ = try client.attack(configuration(plan, iterations: 1)) { progress, images in
      if progress.solver.iteration == 0 { first = images().doubles }
      return .proceed
    }
    #expect(first.count == 243)
    switch initialization.kind {
    case .uniform: #expect(first.allSatisfy { (0.25...0.75).contains($0) })
    case .constant: #expect(first.allSatisfy { $0 == 0.25 })
    case .pattern:
      #expect((0..<72).allSatisfy { first[$0] == first[($0 + 27) % 81] || $0 >= 54 })
      #expect(Set(first).count == 27)
    case .normal, .given: Issue.record("not a case here")
    }
  }

  @Test func knownLabelsMustBeGiven() throws {
    let client = try resNet(labels: [1])
    let plan = plan { $0.labels = .known }
    #expect(
      attackErrorMessage { _ = try client.attack(configuration(plan)) }
        == "plan assumes known labels, and none were given; use labels=recovered")
    let result = try AttackProblem(
      client.weighted, update: client.update, configuration: configuration(plan),
      knownLabels: [4], backend: AttackedClient.backend
    ).run()
    #expect(result.labels == [4])
  }

  @Test func mostNegativeRowsAreTheLabels() throws {
    // The rule presumes features that are not negative, and logits that do not tell classes yet.
    let client = try AttackedClient(
      ModelCatalog.model(
        named: "mlp",
        ModelOptions(inputShape: [3, 4, 4], classCount: 10, activation: .relu, width: 20)),
      labels: [4, 0, 2])
    let labels = try LabelRecovery.mostNegativeLabels(
      of: client.update, model: client.weighted.model)
    #expect(labels == [0, 2, 4])
  }

  @Test func whatAModelLacksIsSaid() throws {
    let client = try AttackedClient.leNet()
    let seeThrough = try AttackPresets.preset(named: "see-through-gradients").plan
    #expect(
      attackErrorMessage { _ = try client.attack(configuration(seeThrough)) }?
        .hasPrefix("see-through-gradients needs batch normalisation, which lenet lacks") == true)
    let subset = plan { $0.objective.parameters = ["body.0.weigth"] }
    #expect(
      attackErrorMessage { _ = try client.attack(configuration(subset)) }?
        .hasSuffix("begins; did you mean body.0.weight?") == true)
    #expect(
      attackErrorMessage { _ = try client.attack(AttackConfiguration(attack: .plan)) }?
        .hasPrefix("the attack \"plan\" needs a plan") == true)
  }

  /// Where the exact methods fail the presets follow, and all that was tried is reported.
  @Test func automaticGoesOnWithPresets() throws {
    let client = try AttackedClient(
      ModelCatalog.model(
        named: "lenet",
        ModelOptions(inputShape: [1, 8, 8], classCount: 6, activation: .relu, width: 1)),
      labels: [0, 1, 2, 3])
    let result = try client.attack(
      AttackConfiguration(attack: .automatic, seed: 1, trials: 1, iterations: 40))
    let methods = result.trials.map(\.method.name)
    #expect(methods.contains("levenberg-marquardt"))
    #expect(methods.contains("inverting-gradients"))
    #expect(result.diagnosis?.verdict == .notDetermined)
  }
}

import Leakage

/// An attack's configuration as an experiment holds it: what is left out has its default, or that of the plan
/// that is named.
struct AttackSettings: Decodable {
  let configuration: AttackConfiguration

  init(_ configuration: AttackConfiguration) {
    self.configuration = configuration
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case attack, precision, seed, trials, iterations, solvedBelow, timeLimit, snapshots, plan,
      attacker, unknown
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    let name: String? = try container.value(.attack)
    let document: PlanDocument? = try container.value(.plan)
    var configuration = AttackConfiguration()
    if let document {
      let base = name.flatMap { name in AttackPresets.all.first { $0.plan.name == name } }
      configuration.plan = try document.applied(to: base?.plan ?? OptimizationPlan())
      configuration.attack = .plan
    } else if let name {
      (configuration.attack, configuration.plan) = AttackConfiguration.statement(
        of: try AttackCatalog.attack(named: name))
    }
    if let plan = configuration.plan {
      configuration.precision = plan.precision
      configuration.trials = plan.trials
      configuration.iterations = plan.iterations
    }
    configuration.precision = try container.choice(.precision, or: configuration.precision)
    configuration.seed = try container.value(.seed, or: configuration.seed)
    configuration.trials = try container.value(.trials, or: configuration.trials)
    configuration.iterations = try container.value(.iterations, or: configuration.iterations)
    configuration.solvedBelow = try container.value(.solvedBelow, or: configuration.solvedBelow)
    configuration.timeLimit = try container.value(.timeLimit)
    configuration.snapshots = try container.value(.snapshots, or: configuration.snapshots)
    configuration.attacker = try container.choice(.attacker)
    configuration.unknown = try container.choices(.unknown)
    self.configuration = configuration
  }
}

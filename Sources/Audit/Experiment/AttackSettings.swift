import Attacks

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
    var (attack, plan) = (AttackName.automatic, OptimizationPlan?.none)
    if let document {
      attack = .plan
      plan = try document.applied(to: try AttackSettings.base(of: name))
    } else if let name {
      (attack, plan) = AttackConfiguration.statement(of: try AttackCatalog.attack(named: name))
    }
    var configuration = AttackConfiguration(attack, defaultsOf: plan)
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

  /// The plan that a document changes: a preset by its name, or the default one.
  private static func base(of name: String?) throws -> OptimizationPlan {
    guard let name, name != AttackName.plan.rawValue else { return OptimizationPlan() }
    guard let preset = try AttackCatalog.attack(named: name) as? PlanAttack else {
      throw ExperimentError(
        "attack.plan",
        "changes an optimisation attack, and \(name) is none; name a preset, or leave one of both out"
      )
    }
    return preset.plan
  }
}

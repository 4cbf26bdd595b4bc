import Attacks
import Clients
import Texts

/// An attack's configuration as an experiment holds it: what is left out has its default, or that of the plan
/// that is named.
enum AttackSettings {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case attack, precision, seed, trials, iterations, solvedBelow, timeLimit, snapshots, plan,
      attacker, unknown
  }

  /// - Parameters:
  ///   - decoder: of the settings; nil where all are left out.
  ///   - data: what the attack seeks.
  static func configuration(
    from decoder: (any Decoder)?, _ data: DataKindName
  ) throws -> AttackConfiguration {
    guard let decoder else { return try usual(nil, data) }
    let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
    let name: String? = try container.value(.attack)
    let document: PlanDocument? = try container.value(.plan)
    var configuration = try usual(document == nil ? name : nil, data)
    if let document {
      guard data != .texts else {
        throw ExperimentError("attack.plan", "is for pictures and rows; leave it out")
      }
      configuration = AttackConfiguration(
        .plan, defaultsOf: try document.applied(to: try AttackSettings.base(of: name)))
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
    return configuration
  }

  /// The usual settings of an attack on such data.
  private static func usual(
    _ name: String?, _ data: DataKindName
  ) throws -> AttackConfiguration {
    guard data == .texts else {
      guard let name else { return AttackConfiguration() }
      let (attack, plan) = AttackConfiguration.statement(
        of: try AttackCatalog.attack(named: name))
      return AttackConfiguration(attack, defaultsOf: plan)
    }
    return AttackConfiguration(try TextAttackKind(named: name ?? AttackName.automatic.rawValue))
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

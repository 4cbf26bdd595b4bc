import Clients

/// Every attack that this build knows. To add one is to add its line.
public enum AttackCatalog {
  /// Attacks on updates of image models, in the order of lists.
  public static let all: [any Attack] = [
    AutomaticAttack(),
    LevenbergMarquardtAttack(),
    AttackPresets.dlg,
    AttackPresets.idlg,
    LinearLayerAttack(),
    PeelingAttack(),
    ResidualPeelingAttack(),
    RGapAttack(),
    AprilAttack(),
    SpearAttack(),
    SpanAttack(),
    SignMatchingAttack(),
    SignImageAttack(),
    AttackPresets.invertingGradients,
    AttackPresets.preset(PackageResources.cpl_json),
    AttackPresets.seeThroughGradients,
    AttackPresets.preset(PackageResources.tag_json),
    AttackPresets.modern,
    AttackPresets.multiScale,
    AttackPresets.dataLeakageInFedAvg,
    AttackPresets.tabLeak,
  ]

  /// What a server can do that plants weights.
  public static var malicious: [AttackDescriptor] { MaliciousMethod.allCases.map(\.descriptor) }

  /// Ways to read a batch's labels alone.
  public static var labels: [AttackDescriptor] { LabelStrategy.allCases.map(\.descriptor) }

  /// All names, in the order of ``all``.
  public static var names: [String] { all.map(\.descriptor.name.rawValue) }

  /// Whether the attack of that name iterates from random dummy data, as every plan does.
  public static func searches(_ name: AttackName) -> Bool {
    all.first { $0.descriptor.name == name }?.descriptor.searches ?? true
  }

  /// - Throws: ``AttackError`` that suggests the name nearest in spelling.
  public static func attack(named name: String) throws(AttackError) -> any Attack {
    if let attack = all.first(where: { $0.descriptor.name.rawValue == name }) { return attack }
    let beginning = nearestSpelling(to: name, in: names).map { "did you mean \($0)? The" } ?? "the"
    throw AttackError(
      "there is no attack called \"\(name.prefix(40))\"; \(beginning) attacks are "
        + names.joined(separator: ", "), .badInput)
  }
}

extension AttackConfiguration {
  /// Presets that are stated by their names alone, as they were before there were plans.
  private static let statedByName: [AttackName] = [.dlg, .idlg]

  /// How a configuration states an attack: by its name, or as ``AttackName/plan`` with its plan.
  public static func statement(
    of attack: any Attack
  ) -> (attack: AttackName, plan: OptimizationPlan?) {
    let name = attack.descriptor.name
    guard let plan = (attack as? PlanAttack)?.plan, !statedByName.contains(name) else {
      return (name, nil)
    }
    return (.plan, plan)
  }

  /// The attack that is stated.
  ///
  /// - Throws: ``AttackError`` when there is none of that name, or a plan is missing or too many.
  func chosenAttack() throws(AttackError) -> any Attack {
    guard let plan else {
      guard attack != .plan else {
        throw AttackError(
          "the attack \"plan\" needs a plan; give one, or name a preset", .badInput)
      }
      return try AttackCatalog.attack(named: attack.rawValue)
    }
    guard attack == .plan else {
      throw AttackError(
        "the attack \"\(attack)\" is given the plan \"\(plan.name)\"; a plan goes with the attack "
          + "\"plan\"", .badInput)
    }
    return PlanAttack(plan)
  }
}

import Clients

/// The papers' optimisation attacks as data: one JSON file each in `Presets`, embedded in the program,
/// that holds the difference from ``OptimizationPlan/init()``; their lines are in ``AttackCatalog/all``.
public enum AttackPresets {
  /// All presets, by year.
  public static var all: [PlanAttack] { AttackCatalog.all.compactMap { $0 as? PlanAttack } }

  static let dlg = preset(PackageResources.dlg_json)
  static let idlg = preset(PackageResources.idlg_json)
  static let invertingGradients = preset(PackageResources.inverting_gradients_json)
  static let modern = preset(PackageResources.modern_json)
  static let multiScale = preset(PackageResources.multi_scale_json)
  static let dataLeakageInFedAvg = preset(PackageResources.data_leakage_in_fedavg_json)
  static let tabLeak = preset(PackageResources.tableak_json)
  static let seeThroughGradients = preset(PackageResources.see_through_gradients_json)

  /// The preset called `name`.
  ///
  /// - Throws: ``AttackError`` that suggests the name nearest in spelling.
  public static func preset(named name: String) throws(AttackError) -> PlanAttack {
    if let preset = all.first(where: { $0.plan.name == name }) { return preset }
    let names = all.map(\.plan.name)
    let suggestion = nearestSpelling(to: name, in: names).map { "did you mean \($0)? " } ?? ""
    throw AttackError(
      "there is no preset called \"\(name.prefix(40))\"; \(suggestion)The presets are "
        + names.joined(separator: ", "), .badInput)
  }

  static func preset(_ json: [UInt8]) -> PlanAttack {
    do {
      return PlanAttack(
        try PlanDocument(json: json, source: "a preset").applied(to: OptimizationPlan()),
        source: String(decoding: json, as: UTF8.self))
    } catch {
      preconditionFailure("a preset is wrong: \(error.message)")
    }
  }
}

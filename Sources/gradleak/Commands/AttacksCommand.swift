import ArgumentParser
import Audit
import Foundation
import Leakage

/// Lists the attacks, and prints the presets of the optimisation attacks.
struct AttacksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attacks", abstract: "Lists the attacks, or prints a preset.",
    discussion: """
      A preset is an optimisation attack as data: what differs from the default plan. Save one, \
      change it and run it with --plan, or change single settings with --set.

      EXAMPLES
        gradleak attacks
        gradleak attacks inverting-gradients
        gradleak attacks inverting-gradients --json > my.json
        gradleak reconstruct photo.jpg --model resnet20 --plan my.json
        gradleak reconstruct photo.jpg --model resnet20 --attack modern \\
          --set prior.totalVariation=0.01 --iterations 2000
      """)

  @Argument(help: ArgumentHelp("A preset to print.", valueName: "name"))
  var name: String?

  @Flag(help: "Print JSON: of a preset the whole plan, its defaults included.")
  var json = false

  private struct Entry: Encodable {
    let name: String
    let isPreset: Bool
    let summary: String
    let paper: String?
    let assumes: String?
    /// Facts that the attacker must know.
    let knows: String
    /// Who can run it on a gradient, and after several local steps; nil for the automatic attack.
    let threatModel: ThreatModel.Category?
    let threatModelAfterLocalSteps: ThreatModel.Category?

    init(
      name: String, isPreset: Bool, summary: String, about: OptimizationPlan.About?,
      needs: [AttackNeed], category: ThreatModel.Category?
    ) {
      self.name = name
      self.isPreset = isPreset
      self.summary = summary
      paper = about?.paper
      assumes = about?.assumes
      knows = AttackNeed.description(of: needs)
      threatModel = category
      threatModelAfterLocalSteps = category?.afterLocalSteps(needs)
    }

    init(_ plan: OptimizationPlan) {
      self.init(
        name: plan.name, isPreset: true, summary: plan.about.summary, about: plan.about,
        needs: plan.needs, category: plan.category)
    }

    init(_ kind: AttackKind) {
      self.init(
        name: kind.rawValue, isPreset: false, summary: AttackKind.descriptions[kind.rawValue] ?? "",
        about: nil, needs: kind.needs, category: kind.category)
    }
  }

  func run() throws {
    guard let name else { return try list() }
    if let kind = AttackKind(rawValue: name), let description = AttackKind.descriptions[name],
      !AttackPresets.all.contains(where: { $0.plan.name == name })
    {
      if json {
        Terminal.print(
          try ResultWriter.json(Entry(kind)))
      } else {
        Terminal.printParagraph("\(name): \(description).")
        AttacksCommand.printKnowledge(kind.needs, kind.category)
      }
      return
    }
    let preset = try AttackPresets.preset(named: name)
    guard !json else {
      Terminal.write(try ResultWriter.json(preset.plan), to: .standardOutput)
      return
    }
    let about = preset.plan.about
    Terminal.print(Terminal.styled(about.title, .bold))
    Terminal.printParagraph("Paper: \(about.paper).")
    Terminal.printParagraph(about.summary)
    Terminal.printParagraph("Assumes: \(about.assumes).")
    Terminal.printParagraph("Needs: \(AttacksCommand.needs(preset.plan)).")
    AttacksCommand.printKnowledge(preset.plan.needs, preset.plan.category)
    Terminal.print("\nWhat differs from the default plan:\n")
    Terminal.write(preset.source, to: .standardOutput)
  }

  /// What the attacker must know; see --unknown.
  private static func printKnowledge(_ needs: [AttackNeed], _ category: ThreatModel.Category?) {
    let text =
      needs.isEmpty ? "whatever is known, each attack its own" : AttackNeed.description(of: needs)
    Terminal.printParagraph("Attacker knows: \(text).")
    guard let category else { return }
    let later = category.afterLocalSteps(needs)
    Terminal.printParagraph(
      "Threat model of Carletti et al. (USENIX Security 2025): \(category)"
        + (later == category ? "." : "; after several local steps \(later)."))
  }

  private func list() throws {
    let kinds = AttackKind.allCases.filter { $0 != .plan }.map(\.rawValue)
    let presets = AttackPresets.all.map(\.plan)
    if json {
      let entries =
        AttackKind.allCases.filter { kind in
          kind != .plan && !presets.contains { $0.name == kind.rawValue }
        }.map { Entry($0) } + presets.map { Entry($0) }
      Terminal.write(try ResultWriter.json(entries), to: .standardOutput)
      return
    }
    let width = (kinds + presets.map(\.name)).map(\.count).max() ?? 0
    func line(_ name: String, _ text: String) {
      Terminal.printParagraph(
        text, head: name.padding(toLength: width + 2, withPad: " ", startingAt: 0),
        indentation: width + 2)
    }
    Terminal.print(Terminal.styled("Attacks", .bold))
    for kind in kinds { line(kind, AttackKind.descriptions[kind] ?? "") }
    Terminal.print()
    Terminal.print(Terminal.styled("Presets of the optimisation attacks", .bold))
    for plan in presets { line(plan.name, "\(plan.about.title) (\(plan.about.paper))") }
    Terminal.print()
    Terminal.printParagraph("'gradleak attacks NAME' prints a preset and what it needs.")
  }

  /// What a model and update must have for a plan to run.
  static func needs(_ plan: OptimizationPlan) -> String {
    var needs: [String] = []
    switch plan.labels {
    case .joint: break
    case .recovered: needs.append("a fully connected last layer, which tells the labels")
    case .single: needs.append("one image per gradient and a fully connected last layer")
    case .mostNegative: needs.append("a fully connected last layer, and labels that do not repeat")
    case .known: needs.append("the true labels")
    }
    if plan.prior.features.weight > 0 { needs.append("a bias of the last layer") }
    if plan.prior.batchNorm.weight > 0 { needs.append("batch normalisation") }
    return needs.isEmpty ? "nothing" : needs.joined(separator: "; ")
  }
}

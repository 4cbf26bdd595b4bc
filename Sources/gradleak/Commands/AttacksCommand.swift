import ArgumentParser
import Attacks
import Audit
import Clients
import Foundation

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
        gradleak reconstruct chelsea --attack modern --set prior.totalVariation=0.01
      """)

  @Argument(
    help: ArgumentHelp("A preset to print.", valueName: "name"),
    completion: .list(AttackCatalog.names + AttackCatalog.texts.map(\.name.rawValue)))
  var name: String?

  @Flag(help: "Print JSON: of a preset the whole plan, its defaults included.")
  var json = false

  private struct Entry: Encodable {
    /// On the command line.
    let name: String
    /// Whether it is a plan that can be changed, and not code of its own.
    let isPreset: Bool
    /// How it is asked for, and what it reads.
    let command: String
    /// The kinds of data that it is for.
    let data: [String]
    /// What it does, in a sentence.
    let summary: String
    /// Where it is from.
    let paper: String?
    /// What the attack takes for known or true.
    let assumes: String?
    /// Facts that the attacker must know.
    let knows: String
    /// Who can run it on a gradient, and after several local steps; nil for the automatic attack.
    let threatModel: ThreatModel.Category?
    /// The same after several local steps.
    let threatModelAfterLocalSteps: ThreatModel.Category?

    init(_ descriptor: AttackDescriptor, plan: OptimizationPlan? = nil, command: String) {
      name = descriptor.name.rawValue
      self.command = command
      data = DataKinds.all.map(\.descriptor).filter { descriptor.data.contains($0.name) }.map(
        \.plural)
      isPreset = plan != nil
      summary = descriptor.summary
      paper = descriptor.paper
      assumes = plan?.about.assumes
      knows = AttackNeed.description(of: descriptor.needs)
      threatModel = descriptor.category
      threatModelAfterLocalSteps = descriptor.category?.afterLocalSteps(descriptor.needs)
    }
  }

  func run() throws {
    guard let name else { return try list() }
    if let section = AttacksCommand.others.first(where: { $0.names.contains(name) }),
      !AttackCatalog.names.contains(name)
    {
      for descriptor in section.attacks where descriptor.name.rawValue == name {
        try show(descriptor, command: section.command)
      }
      return
    }
    let attack = try AttackCatalog.attack(named: name)
    let descriptor = attack.descriptor
    guard let preset = attack as? PlanAttack else {
      return try show(descriptor, command: AttacksCommand.images)
    }
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
    AttacksCommand.printKnowledge(descriptor)
    Terminal.print("\nWhat differs from the default plan:\n")
    Terminal.write(preset.source ?? "", to: .standardOutput)
  }

  private func show(_ descriptor: AttackDescriptor, command: String) throws {
    guard !json else {
      return Terminal.print(try ResultWriter.json(Entry(descriptor, command: command)))
    }
    Terminal.printParagraph("\(descriptor.name): \(descriptor.summary).")
    if let paper = descriptor.paper { Terminal.printParagraph("Paper: \(paper).") }
    if command != AttacksCommand.images {
      Terminal.printParagraph("Run by '\(command)'.")
    }
    AttacksCommand.printKnowledge(descriptor)
  }

  /// A list of attacks that another option names.
  private struct Section {
    let title: String
    let command: String
    let attacks: [AttackDescriptor]

    var names: [String] { attacks.map(\.name.rawValue) }
  }

  private static let images = "gradleak reconstruct --attack"

  /// What is no attack on an image model's honest update.
  private static var others: [Section] {
    [
      Section(
        title: "Attacks on texts", command: "gradleak text --attack", attacks: AttackCatalog.texts),
      Section(
        title: "Servers that plant weights", command: "gradleak malicious --method",
        attacks: AttackCatalog.malicious),
      Section(
        title: "Labels alone", command: "gradleak bench labels",
        attacks: AttackCatalog.labels),
    ]
  }

  /// What the attacker must know; see --unknown.
  private static func printKnowledge(_ descriptor: AttackDescriptor) {
    let needs = descriptor.needs
    let text =
      needs.isEmpty ? "whatever is known, each attack its own" : AttackNeed.description(of: needs)
    Terminal.printParagraph("Attacker knows: \(text).")
    guard let category = descriptor.category else { return }
    let later = category.afterLocalSteps(needs)
    Terminal.printParagraph(
      "Threat model of Carletti et al. (USENIX Security 2025): \(category)"
        + (later == category ? "." : "; after several local steps \(later)."))
  }

  private func list() throws {
    let all = AttackCatalog.all
    if json {
      let entries =
        all.map {
          Entry($0.descriptor, plan: ($0 as? PlanAttack)?.plan, command: AttacksCommand.images)
        }
        + AttacksCommand.others.flatMap { section in
          section.attacks.map { Entry($0, command: section.command) }
        }
      Terminal.write(try ResultWriter.json(entries), to: .standardOutput)
      return
    }
    let others = AttacksCommand.others
    Terminal.print(Terminal.styled("Attacks", .bold))
    Terminal.printEntries(
      all.filter { !($0 is PlanAttack) }.map(\.descriptor).map { ($0.name.rawValue, $0.summary) })
    Terminal.print()
    Terminal.print(Terminal.styled("Presets of the optimisation attacks", .bold))
    Terminal.printEntries(
      all.compactMap { ($0 as? PlanAttack)?.plan }.map {
        ($0.name, "\($0.about.title) (\($0.about.paper))")
      })
    for section in others {
      Terminal.print()
      Terminal.printVerdict("\(section.title) ('\(section.command)')", .bold)
      Terminal.printEntries(section.attacks.map { ($0.name.rawValue, $0.summary) })
    }
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

extension [AttackDescriptor] {
  /// For help, by name.
  var summaries: [String: String] {
    Dictionary(uniqueKeysWithValues: map { ($0.name.rawValue, $0.summary) })
  }
}

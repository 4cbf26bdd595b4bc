import Clients

extension Report {
  /// Who attacks, what they know, and what was not looked at.
  var assumptions: [ReportBlock]? {
    let unknowns = untested
    var seen: Set<String> = []
    let models = input.records.map(\.threatModel).filter {
      seen.insert($0.description).inserted
    }
    guard !models.isEmpty || !unknowns.isEmpty else { return nil }
    var blocks: [ReportBlock] = models.map { .facts(facts($0)) }
    let protections = protections
    if !protections.isEmpty {
      blocks.append(.heading("What cryptography would leave"))
      blocks += protections.map { .paragraph(ReportText($0)) }
    }
    if !unknowns.isEmpty {
      blocks += [.heading("Not tested"), .list(unknowns.map { ReportText($0) })]
    }
    return blocks
  }

  private func facts(_ model: ThreatModel) -> [ReportFact] {
    func list(_ facts: [ThreatModel.Fact]) -> ReportText {
      ReportText(facts.isEmpty ? "nothing" : facts.map(\.rawValue).joined(separator: ", "))
    }
    var facts = [
      ReportFact("Attacker", ReportText(model.attacker.rawValue)),
      ReportFact("Knows, besides the update", list(model.known)),
      ReportFact("Does not know", list(model.unknown)),
      ReportFact("Update", "\(model.updateDescription), \(model.clientMode.rawValue) mode"),
    ]
    if let category = model.category {
      facts.append(
        ReportFact(
          "The result takes at least",
          "threat model \(category.rawValue) (\(category.title)) of Carletti et al., USENIX Security 2025"
        ))
    }
    return facts
  }
}

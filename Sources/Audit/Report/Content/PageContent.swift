import Foundation

extension Report {
  /// All that the report says, for every format that people read.
  var content: ReportContent {
    let parts: [(id: String, title: String, blocks: [ReportBlock]?)] = [
      ("summary", "Summary", summary), ("verdict", "Verdict", verdictBlocks),
      ("grades", "What the grades mean", gradeBlocks),
      ("bound", "What nobody can do better", boundBlocks),
      ("proofs", "What is proved", proofBlocks),
      ("pictures", "Pictures", pictures), ("examples", examplesTitle, examples),
      ("course", "Course of the attack", curves),
      ("defences", "Defences", defences),
      ("determinacy", "What the gradient determines", determinacy),
      ("assumptions", "Threat model and limits", assumptions),
      ("catalogues", "Items of catalogues and law", catalogueBlocks),
      ("numbers", "Numbers", numbers), ("repeat", "Repeat it", origin),
    ]
    let sections = parts.compactMap { part in
      part.blocks.map { ReportSection(id: part.id, title: part.title, blocks: $0) }
    }
    let content = ReportContent(
      title: title ?? defaultTitle, date: date?.description, finding: finding, subject: subject,
      warning: warning(sections), sections: sections, closing: closing)
    return content.withGlossary()
  }

  private var closing: ReportText {
    """
    Made by gradleak \(GradleakVersion.current) from records alone. It shows what these attacks reached; that an \
    attack failed does not prove that data are safe.
    """
  }

  /// Such as "Leakage audit of lenet and 2 other models".
  private var defaultTitle: String {
    let models = distinct(
      input.records.map(\.model.name) + input.analyses.map(\.record.model)
        + input.sweeps.flatMap { $0.cells.map(\.model) })
    guard let first = models.first else { return "Leakage report" }
    let name = first.withoutFolders.clipped(to: 80)
    switch models.count {
    case 1: return "Leakage audit of \(name)"
    case 2: return "Leakage audit of \(name) and another model"
    default: return "Leakage audit of \(name) and \(models.count - 1) other models"
    }
  }

  /// Models, data, attacks, runs.
  private var subject: [ReportFact] {
    let records = input.records
    guard !records.isEmpty else { return [] }
    func list(_ values: [String]) -> String {
      let all = distinct(values)
      let rest = all.count > 6 ? " and \(all.count - 6) more" : ""
      return all.prefix(6).map { $0.clipped(to: 200) }.joined(separator: ", ") + rest
    }
    let models = list(
      records.map {
        "\($0.model.name) (\($0.model.activation), \($0.model.parameterCount) parameters; "
          + "\($0.model.weights.shortDescription))"
      })
    let count = verdict.examples.count
    let noun = count == 1 ? verdict.kind.singular : verdict.kind.plural
    let batches = list(records.map { String($0.update.batchSize) })
    let updates = list(records.map(\.threatModel.updateDescription))
    let defences = list(
      records.compactMap { $0.defence?.chain.description }
        + input.sweeps.flatMap { $0.cells.map(\.defence.description) })
    var facts = [
      ReportFact("Model", ReportText(models)),
      ReportFact("Private data", "\(count) \(noun); batch \(batches)"),
      ReportFact("What was shared", ReportText(updates)),
      ReportFact("Who attacks", ReportText(list(records.map(\.threatModel.attacker.rawValue)))),
      ReportFact(
        "Attacks",
        "\(list(records.map(\.configuration.attackName))); \(records.count == 1 ? "1 run" : "\(records.count) runs")"
      ),
    ]
    if !defences.isEmpty { facts.append(ReportFact("Defences", ReportText(defences))) }
    return facts
  }

  /// What is private in the report, and how to treat it.
  private func warning(_ sections: [ReportSection]) -> ReportText? {
    guard !input.records.isEmpty || !input.analyses.isEmpty else { return nil }
    var shown: [String] = []
    if sections.contains(where: { $0.id == "pictures" }) {
      shown.append("private pictures and what was recovered of them")
    }
    if sections.contains(where: { $0.id == "examples" }) {
      shown.append("private \(examplesTitle.lowercased()) and what was recovered of them")
    }
    let what =
      shown.isEmpty
      ? "names of private files and results on them"
      : shown.joined(separator: ", ")
    return
      """
      \("Private.", .strong) This report shows \(what). Keep it as you keep the data themselves, and do not \
      forward it to anyone who may not see them.
      """
  }
}

/// Each value once, in the order of its first place.
func distinct(_ values: [String]) -> [String] {
  var seen: Set<String> = []
  return values.filter { seen.insert($0).inserted }
}

extension String {
  /// At most so many scalars, the last an ellipsis where some are left out.
  package func clipped(to limit: Int) -> String {
    guard utf8.count > limit, unicodeScalars.count > limit else { return self }
    return String(unicodeScalars.prefix(limit - 1)) + "…"
  }
}

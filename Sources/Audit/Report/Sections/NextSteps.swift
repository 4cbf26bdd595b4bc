/// What the summary advises, from the records alone.
extension Report {
  var whatToDo: [ReportText] {
    var steps: [ReportText] = []
    if verdict.recognisable.leaked > 0 {
      steps.append(
        "Find out who received such updates, and who kept them: they hold what came back here.")
      steps += defenceSteps
    } else if verdict.recognisable.undetermined > 0 || verdict.grade == .notShown {
      steps += doubtSteps
    } else {
      steps.append(
        """
        Do not take this for an approval. Go through \("what was not tested", .link("assumptions")), and repeat the \
        audit with what applies to you.
        """)
      let units = verdict.recognisable.units.count
      if units < LeakageGrade.unitsForA {
        steps.append(
          "Attack at least \(LeakageGrade.unitsForA) independent updates; here there were \(units)."
        )
      }
    }
    if input.records.allSatisfy({ $0.experiment?.drawsWeights == true }) {
      steps.append(
        """
        Repeat the audit with your own trained model and your settings: the model here was untrained, and \
        training changes what leaks.
        """)
    }
    steps.append("Keep this report as private as the data.")
    return steps
  }

  private var defenceSteps: [ReportText] {
    let series = sweeps.flatMap(\.series).filter { $0.axis == .strength }
    func list(_ values: [String]) -> String {
      let all = distinct(values)
      return all.prefix(8).map { $0.clipped(to: 80) }.joined(separator: ", ")
        + (all.count > 8 ? " and \(all.count - 8) more" : "")
    }
    // A defence counts only where it stopped every attack that it was tried against.
    let byName = Dictionary(grouping: series, by: \.defence)
    let names = distinct(series.map(\.defence))
    let stopped = names.filter { byName[$0]?.allSatisfy { $0.stopsAt != nil } == true }
    let others = names.filter { !stopped.contains($0) }
    guard !series.isEmpty else {
      return [
        verdict.isDefended
          ? """
          The defence that was used did not stop the leak: look for a stronger one, and audit again before any \
          update is shared.
          """
          : """
          Look for a defence that stops these attacks, and audit again before any update is shared; none was \
          tried here.
          """
      ]
    }
    var steps: [ReportText] = []
    if stopped.isEmpty {
      steps.append(
        "Share no such updates as they are: no defence that was tried is shown to stop these attacks (\(list(others)))."
      )
    } else {
      let points = stopped.flatMap { name in (byName[name] ?? []).compactMap(\.stopsAt) }
      steps.append(
        """
        Share no such updates without a defence. Those that stopped the attacks they were tried against: \
        \(list(points)); see \("how strong they must be", .link("defences")). They are not proved to stop \
        others.
        """)
      if !others.isEmpty {
        steps.append("Do not rely on \(list(others)): not shown to stop these attacks.")
      }
    }
    let telling = input.privacy.memberships.filter(\.isTold).compactMap(\.defence)
    if !telling.isEmpty {
      steps.append(
        "Take who is in a batch as disclosed behind \(list(telling)): it was told there.")
    }
    if input.prices.isEmpty {
      steps.append(
        "Measure what a defence costs in accuracy before you choose it; that was not measured here."
      )
    }
    return steps
  }

  private var doubtSteps: [ReportText] {
    let doubts = Set(verdict.records.compactMap(\.doubt))
    var steps: [ReportText] = []
    if doubts.contains(.cutShort) {
      steps.append("Repeat the audit with more time: attacks were ended before they were done.")
    }
    if doubts.contains(.misfit) {
      steps.append(
        """
        Let those who made the update say again which model, weights and settings it belongs to: it does not fit \
        what was said.
        """)
    }
    if doubts.contains(.emptyUpdate) {
      steps.append("Find out why the update is empty, and audit one that is not.")
    }
    if doubts.contains(.otherTruth) {
      steps.append("Find out which originals belong to the update: those that were given do not.")
    }
    if verdict.examples.contains(where: { !$0.hasTruth }) {
      steps.append(
        """
        Audit updates of the same model on \(verdict.kind.plural) that you have, so that what comes back can be \
        compared with the originals.
        """)
    }
    steps.append("Until then, share no such updates that you would not share the data for.")
    return steps
  }

  /// The summary of sweeps, analyses and costs, of which no single run is at hand.
  var summaryWithoutRuns: [ReportBlock]? {
    var facts: [ReportFact] = []
    if !sweeps.isEmpty {
      facts.append(
        ReportFact(
          "What was tested",
          """
          Defences, each a change that a client makes to its update before it is shared. Each was attacked by \
          someone who knows of it and tries to compute the private data back.
          """))
      facts.append(
        ReportFact(
          "What came back",
          ReportText(
            defenceStatements.isEmpty
              ? "See the table of \(sweeps.reduce(0) { $0 + $1.cells.count }) combinations."
              : defenceStatements.prefix(8).joined(separator: " "))))
    }
    for analysis in input.analyses.prefix(8) {
      let record = analysis.record
      facts.append(
        ReportFact(
          "What can be known",
          """
          Without any attack it was computed how much of the private images the gradient of \(record.model) \
          determines: \(record.rank) of \(record.unknowns) independent numbers.
          """))
    }
    if !input.prices.isEmpty {
      facts.append(
        ReportFact("What was measured", "What defences cost a small training in accuracy."))
    }
    let limit =
      sweeps.isEmpty ? "" : " A defence that stopped these attacks is not proved to stop others."
    facts.append(
      ReportFact(
        "What it means",
        """
        No grade is given, since no single run is in this report.\(limit) Nothing here shows that data are safe.
        """))
    return [.facts(facts)]
  }
}

import Clients

/// The first section: five answers without the field's words, from the records alone. What was not shown is
/// never called safe.
extension Report {
  var summary: [ReportBlock]? {
    guard !verdict.examples.isEmpty else { return summaryWithoutRuns }
    return [
      .facts([
        ReportFact("What was tested", ReportText(whatWasTested)),
        ReportFact("What came back", ReportText(whatCameBack)),
        ReportFact("How sure this is", ReportText(howSure)),
        ReportFact("What it means", ReportText(whatItMeans)),
      ]), .heading("What to do next"), .list(whatToDo),
    ]
  }

  private var noun: String { verdict.kind.plural }

  private func examples(_ count: Int) -> String {
    "\(count) private \(count == 1 ? verdict.kind.singular : noun)"
  }

  private static func counted(_ count: Int, _ singular: String, _ plural: String) -> String {
    "\(count) \(count == 1 ? singular : plural)"
  }

  // MARK: - What was tested

  private var whatWasTested: String {
    let updates = Set(verdict.records.map { $0.update.fingerprint + $0.model.fingerprint }).count
    let models = distinct(verdict.records.map { $0.model.name.withoutFolders.clipped(to: 80) })
    let attacks = distinct(verdict.records.map(\.configuration.attackName)).count
    let name =
      models.count == 1
      ? "the model \(models[0])" : Report.counted(models.count, "model", "models")
    return
      "Those who train a model together share updates, lists of numbers computed from their private data, and keep "
      + "the data themselves. Here \(attackerWords) tried to compute the private \(noun) back from such updates. "
      + "\(updates == 1 ? "One update" : "\(updates) updates") of \(name), made from "
      + "\(examples(verdict.examples.count)), \(updates == 1 ? "was" : "were") attacked in "
      + "\(Report.counted(verdict.records.count, "run", "runs")) of "
      + "\(attacks == 1 ? "one attack" : "\(attacks) attacks")"
      + "\(verdict.isDefended ? "; every update was defended before it was shared (\(defenceNames))" : "")."
      + defendedRuns
  }

  /// Runs that the verdict leaves out, since undefended ones are there.
  private var defendedRuns: String {
    let count = input.records.count - verdict.records.count
    guard count > 0 else { return "" }
    let kinds = Set(
      input.records.compactMap { $0.defence?.chain }.filter { !$0.isEmpty }
        .map { $0.defences.map(\.name) })
    return " Another \(Report.counted(count, "run", "runs")) attacked updates behind "
      + "\(Report.counted(kinds.count, "kind of defence", "kinds of defences"))."
  }

  private var attackerWords: String {
    let attackers = Set(verdict.records.map(\.threatModel.attacker))
    guard attackers.count == 1, let attacker = attackers.first else {
      return "several kinds of attackers who see the updates"
    }
    return switch attacker {
    case .honestButCuriousServer: "whoever runs the server that collects the updates"
    case .neighbour: "another participant of the training"
    case .maliciousServer: "a server that also chooses the model it sends"
    }
  }

  private var defenceNames: String {
    let names = distinct(verdict.records.compactMap { $0.defence?.chain.description })
    return names.prefix(4).map { $0.clipped(to: 80) }.joined(separator: ", ")
      + (names.count > 4 ? " and \(names.count - 4) more" : "")
  }

  // MARK: - What came back

  private var whatCameBack: String {
    let count = verdict.examples.count
    let (full, recognisable) = (verdict.full.leaked, verdict.recognisable.leaked)
    let open = verdict.recognisable.undetermined
    var sentences: [String] = []
    if full > 0 {
      let others = recognisable - full
      sentences.append(
        "\(full) of \(examples(count)) came back in full\(fullWords)"
          + (others > 0
            ? "; \(others) more can be recognised." : "."))
    } else if recognisable > 0 {
      sentences.append(
        "\(recognisable) of \(examples(count)) can be recognised\(recognisableWords); none came back in full."
      )
    } else if open == 0 {
      sentences.append(
        count == 1
          ? "The private \(verdict.kind.singular) was not brought back by these attacks."
          : "None of \(examples(count)) was brought back by these attacks.")
    } else if open < count {
      sentences.append(
        "\(count - open) of \(examples(count)) \(count - open == 1 ? "was" : "were") not brought back by these "
          + "attacks.")
    }
    if open > 0 {
      sentences.append(
        "For \(open) of \(examples(count)) nothing can be said: \(doubtWords).")
    }
    return (sentences + [labelWords, memberWords].compactMap(\.self)).joined(separator: " ")
  }

  private var fullWords: String {
    switch verdict.kind.name {
    case .pictures: ", as copies that the eye can hardly tell from the originals"
    case .texts: ", word for word"
    case .rows: ", cell for cell"
    default: ""
    }
  }

  private var recognisableWords: String {
    switch verdict.kind.name {
    case .pictures: ": the copies are coarse, but show what the originals show"
    case .texts: ": much of what they say was found"
    case .rows: ": most of their cells were found"
    default: ""
    }
  }

  private var labelWords: String? {
    let labels = verdict.labels
    guard labels.count > 0 else { return nil }
    let guess = verdict.labelGuess.map { "; \($0)" } ?? ""
    return
      "The label, which says what \(verdict.kind.name == .texts ? "a text" : "an example") is filed under, such as a "
      + "diagnosis, was found for \(labels.successes) of \(labels.count)\(guess)."
  }

  /// Who is told to be in the batches of undefended updates; nil where nobody is, or it was not asked.
  private var memberWords: String? {
    guard let study = input.privacy.memberships.first(where: { $0.defence == nil && $0.isTold })
    else { return nil }
    if let proofs = study.proofs, proofs.members > 0 {
      return
        "Who is in a batch is told as well: it was proved of \(proofs.members) of \(proofs.memberCount) of those who are."
    }
    return "Who is in a batch is told as well, more often than by guessing."
  }

  /// Why nothing can be said of what is undetermined.
  private var doubtWords: String {
    let doubts = Set(verdict.records.compactMap(\.doubt))
    var reasons: [String] = []
    if doubts.contains(.cutShort) { reasons.append("an attack was ended before it was done") }
    if doubts.contains(.misfit) {
      reasons.append("the update does not fit the model as it was described")
    }
    if doubts.contains(.emptyUpdate) { reasons.append("the update is empty") }
    if doubts.contains(.otherTruth) {
      reasons.append("what the attack found is not what was given as the original")
    }
    if verdict.examples.contains(where: { !$0.hasTruth }) {
      reasons.append("nobody knows the originals to compare with")
    }
    return reasons.isEmpty
      ? "nothing tells whether the attack failed" : reasons.joined(separator: "; ")
  }

  // MARK: - How sure

  private var howSure: String {
    let interval = verdict.recognisable.interval
    func percent(_ share: Double) -> Int { Int((share * 100).rounded()) }
    let low = percent(interval.lowerBound)
    let high = percent(interval.upperBound)
    let units = verdict.recognisable.units.count
    let basis = "95 % interval; \(Report.counted(units, "independent trial", "independent trials"))"
    let sentence: String
    switch verdict.evidence {
    case .proved:
      sentence =
        "The update alone proves the leak: what was found is the only input near it that gives this update. Of "
        + "updates made in the same way, \(low) to \(high) % can be expected to leak (\(basis))."
    case .attackSucceeded:
      sentence =
        "What came back was compared with the originals, so that the leaks are facts. Of updates made in the same "
        + "way, \(low) to \(high) % can be expected to leak (\(basis))."
    case .bounded:
      sentence =
        "These attacks ran to their end and failed. \(verdict.bound?.sentence ?? "A guarantee bounds every other attack"). "
        + "That holds if the client really clips and adds this noise, for each update by itself (\(basis))."
    case .attackFailed:
      sentence =
        "These attacks ran to their end and failed. That is no proof: nothing bounds other attacks, longer ones, or "
        + "attackers who know more. Even these attacks may succeed on up to \(high) % of such updates (\(basis))."
    case .notShown:
      sentence =
        "Nothing is shown either way. As far as these runs tell, up to \(high) % of such updates may leak (\(basis))."
    }
    return "Evidence: \(verdict.evidence.rawValue). \(sentence)"
  }

  // MARK: - What it means

  private var whatItMeans: String {
    let condition =
      verdict.isDefended
      ? " This holds for the defence at its strength: \(defenceNames)." : ""
    let meaning: String
    switch verdict.grade {
    case .F:
      meaning =
        "Whoever receives such updates and knows the model can have the \(noun) themselves. To share the updates is to share the data; "
        + "that the data stay where they are protects nobody here."
    case .E:
      meaning =
        "Whoever receives such updates and knows the model can have some of the \(noun) themselves. Which ones cannot be told beforehand, "
        + "so each must be counted as disclosed."
    case .D:
      meaning =
        "Whoever receives such updates and knows the model can recognise most of the \(noun). To share the updates is to disclose what "
        + "they show."
    case .C:
      meaning =
        "Whoever receives such updates and knows the model can recognise some of the \(noun). Which ones cannot be told beforehand, so "
        + "each must be counted as exposed."
    case .B:
      meaning =
        "These attacks brought no \(verdict.kind.singular) back, but \(reasonForB). This does not show that the data "
        + "are safe."
    case .A:
      meaning =
        "No leak was found by these attacks, and the noise bounds what any attack can learn of one example from one "
        + "update. It does not bound what many updates tell together; 'gradleak check-dp' tells what they do."
    case .notShown:
      meaning =
        "This is no all-clear. Nothing here tells whether the data can be read back, so the updates must be "
        + "treated as private as the data."
    }
    return meaning + condition
  }

  private var reasonForB: String {
    verdict.areLabelsTold
      ? "they found the labels, which are private as well"
      : verdict.recognisable.units.count >= LeakageGrade.unitsForA
        ? "nothing bounds better ones"
        : "too few independent updates were tried to tell"
  }
}

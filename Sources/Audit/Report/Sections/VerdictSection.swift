extension Report {
  /// What came back, in a few words.
  var finding: String {
    guard !verdict.examples.isEmpty else {
      return sweeps.isEmpty ? "What a gradient determines" : "What defences do"
    }
    let count = verdict.examples.count
    let noun = "private " + (count == 1 ? verdict.kind.singular : verdict.kind.plural)
    if verdict.full.leaked > 0 {
      return "\(verdict.full.leaked) of \(count) \(noun) came back in full"
    }
    if verdict.recognisable.leaked > 0 {
      return "\(verdict.recognisable.leaked) of \(count) \(noun) can be recognised"
    }
    if verdict.grade == .notShown {
      return "Not shown for \(verdict.recognisable.undetermined) of \(count) \(noun)"
    }
    return "None of \(count) \(noun) can be recognised"
  }

  /// The grade, its reasons, and the numbers with their intervals.
  var verdictBlocks: [ReportBlock]? {
    guard !verdict.examples.isEmpty else { return nil }
    let grade = verdict.grade
    var paragraphs = verdict.sentences.enumerated().map { index, sentence in
      index == 0 ? ReportText(sentence, .strong) : ReportText(sentence)
    }
    if !defenceStatements.isEmpty {
      paragraphs.append("Defences: see \("how strong they must be", .link("defences")).")
    }
    return [
      .verdict(
        ReportVerdict(
          letter: grade == .notShown ? "?" : grade.rawValue, tone: grade.tone,
          title: "\(grade.title): \(grade.headline(verdict.kind))", paragraphs: paragraphs)),
      .keyFigures(keyFigures),
    ]
  }

  /// What every grade and every class of evidence means; which one was given is marked.
  var gradeBlocks: [ReportBlock]? {
    guard !verdict.examples.isEmpty else { return nil }
    let grades = LeakageGrade.allCases.map { grade in
      let isGiven = grade == verdict.grade
      let text = ReportText(grade.definition(verdict.kind))
      return ReportFact(grade.rawValue, isGiven ? "\("This report:", .strong) \(text)" : text)
    }
    let evidence = EvidenceClass.allCases.map { evidence in
      let text = ReportText(evidence.definition)
      return ReportFact(
        evidence.rawValue,
        evidence == verdict.evidence ? "\("This report:", .strong) \(text)" : text)
    }
    return [
      .paragraph(
        """
        The letter says what these attacks reached, from A to F. Only an A rests on a bound that holds for attacks that \
        nobody tried; with any other letter, better attacks and attackers who know more may do better.
        """, .soft),
      .facts(grades), .heading("What the verdict rests on"), .facts(evidence),
    ]
  }

  /// A phrase such as "a random image has" as a name, "random image".
  private static func guessName(_ phrase: String) -> String {
    switch phrase {
    case "a random image has": "random image"
    case "a grey one": "grey"
    default: phrase.hasSuffix(" have") ? String(phrase.dropLast(5)) : phrase
    }
  }

  private var keyFigures: [ReportKeyFigure] {
    func share(
      _ name: String, _ leaked: Int, _ count: Int, _ interval: ClosedRange<Double>, _ open: Int = 0
    ) -> ReportKeyFigure {
      let (low, high) = (interval.lowerBound, interval.upperBound)
      return ReportKeyFigure(
        name: name, value: "\(leaked) of \(count)",
        note: (open > 0 ? "\(open) undetermined, " : "")
          + "95 % interval \(Int((low * 100).rounded()))–\(Int((high * 100).rounded())) %")
    }
    func share(_ name: String, _ rate: LeakRate) -> ReportKeyFigure {
      share(name, rate.leaked, rate.count, rate.interval, rate.undetermined)
    }
    let labels = verdict.labels
    let (kind, examples) = (verdict.kind, verdict.examples)
    let guesses = (examples.first?.guesses ?? []).enumerated().map { place, guess in
      let scores = examples.map {
        $0.guesses.indices.contains(place) ? $0.guesses[place].score : .nan
      }
      return "\(Report.guessName(guess.phrase)) \(kind.text(medianNumber(scores)))"
    }
    return [
      share("In full", verdict.full), share("Recognisable", verdict.recognisable),
      share("Labels right", labels.successes, labels.count, labels.interval),
      ReportKeyFigure(
        name: "Median \(kind.score)",
        value: kind.text(medianNumber(examples.map(\.score))) + kind.unit,
        note: guesses.joined(separator: ", ")),
    ]
  }
}

extension EvidenceClass {
  /// What it means, without a full stop.
  var definition: String {
    switch self {
    case .proved:
      "the update alone proves the leak: what was found is the only input near it that gives this update"
    case .attackSucceeded: "an attack brought back what is known to be the private original"
    case .bounded:
      "attacks ran to their end without result, and the noise on the updates bounds every other attack"
    case .attackFailed:
      "attacks ran to their end without result; nothing says that better or longer ones would fail as well"
    case .notShown:
      "attacks were cut short, or there is nothing to judge them by: neither a leak nor its absence is shown"
    }
  }
}

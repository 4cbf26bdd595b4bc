/// Items of catalogues of risks and of law that a leakage audit answers, by number, with what these runs say.
extension Report {
  /// What an item asks.
  private enum Question {
    case reconstruction
    case membership
    case property
    case testing
    case risk
    case anonymity
  }

  private struct Item {
    let number: String
    let title: String
    let question: Question
    var isOfTexts = false
  }

  /// OWASP Machine Learning Security Top Ten (2023) and Top 10 for LLM Applications (2025), NIST AI 100-2e2023, MITRE ATLAS, and
  /// law: Regulation (EU) 2016/679, Regulation (EU) 2024/1689, 45 CFR part 164.
  private static let items = [
    Item(number: "OWASP ML03:2023", title: "Model Inversion Attack", question: .reconstruction),
    Item(number: "OWASP ML04:2023", title: "Membership Inference Attack", question: .membership),
    Item(
      number: "OWASP LLM02:2025", title: "Sensitive Information Disclosure",
      question: .reconstruction, isOfTexts: true),
    Item(
      number: "NIST AI 100-2e2023, 2.4.1", title: "Data Reconstruction", question: .reconstruction),
    Item(number: "NIST AI 100-2e2023, 2.4.2", title: "Membership Inference", question: .membership),
    Item(number: "NIST AI 100-2e2023, 2.4.4", title: "Property Inference", question: .property),
    Item(
      number: "MITRE ATLAS AML.T0024.000",
      title: "Infer Training Data Membership (here from updates, not from an inference API)",
      question: .membership),
    Item(
      number: "MITRE ATLAS AML.T0024.001",
      title: "Invert AI Model (here from updates, not from an inference API)",
      question: .reconstruction),
    Item(
      number: "GDPR, Article 32(1)(d)",
      title: "Regular testing of how effective technical measures are", question: .testing),
    Item(
      number: "GDPR, Article 35(7)(c)", title: "Assessment of the risks to data subjects",
      question: .risk),
    Item(
      number: "GDPR, Recital 26",
      title: "Whether means reasonably likely to be used identify a person", question: .anonymity),
    Item(
      number: "EU AI Act, Article 15(5)", title: "Resilience against confidentiality attacks",
      question: .reconstruction),
    Item(
      number: "HIPAA, 45 CFR 164.514(b)(1)",
      title: "Expert determination that the risk of identification is very small",
      question: .anonymity),
  ]

  /// Nil without runs.
  var catalogueBlocks: [ReportBlock]? {
    guard !verdict.examples.isEmpty else { return nil }
    let rows = Report.items.filter { !$0.isOfTexts || verdict.kind.name == .texts }.map { item in
      [ReportText(item.number), ReportText(item.title), ReportText(answer(to: item.question))]
    }
    return [
      .folded(
        "Which item asks what, and what these runs say",
        [
          .table(
            ReportTable(
              label: "Items of catalogues and law",
              columns: [("item", .name), ("what it asks", .text), ("what these runs say", .text)],
              rows: rows)),
          .paragraph(
            "This is evidence for whoever answers these items, and no assessment of law.", .soft),
        ], isOnPaper: true)
    ]
  }

  private func answer(to question: Question) -> String {
    switch question {
    case .reconstruction: reconstruction
    case .membership: membership
    case .property: property
    case .testing:
      "This is such a test, of \(input.records.count == 1 ? "1 run" : "\(input.records.count) runs"); "
        + "\"Repeat it\" has its commands."
    case .risk: "\(verdict.grade.title): \(verdict.grade.definition(verdict.kind))."
    case .anonymity: anonymity
    }
  }

  private var reconstruction: String {
    "\(verdict.recognisable) \(verdict.kind.plural) recognisable, \(verdict.full) in full. Evidence: "
      + "\(verdict.evidence.rawValue)."
  }

  private var membership: String {
    let studies = input.privacy.memberships
    let found = studies.flatMap(\.measures).compactMap { measure in
      measure.rates.first { $0.falsePositiveRate == 0.01 && $0.members > 0 }.map {
        (score: measure.score, share: Double($0.found) / Double($0.members), rate: $0)
      }
    }.max { $0.share < $1.share }
    var sentences = studies.compactMap(\.proofs).map { proofs in
      "\(proofs.members) of \(proofs.memberCount) members proved to be in their batches, and \(proofs.others) of \(proofs.otherCount) others."
    }
    sentences += studies.compactMap { study in study.exclusions?.sentence(study.texts ?? []) }
    if let found {
      sentences.append(
        "\(found.rate.found) of \(found.rate.members) members found at 1 % of false alarms, by the \(found.score)."
      )
    }
    sentences += verdict.privacy.identifications.map {
      "The right one of \($0.candidates) candidates was found in \($0.right) of \($0.tries) tries."
    }
    return sentences.isEmpty
      ? "Not asked; \"gradleak infer membership\" asks it, and its record can be part of this report."
      : sentences.joined(separator: " ")
  }

  private var property: String {
    let studies = input.privacy.properties
    guard !studies.isEmpty else {
      return
        "Not asked; \"gradleak infer property\" asks it, and its record can be part of this report."
    }
    return studies.map(\.sentence).joined(separator: " ")
  }

  private var anonymity: String {
    if verdict.recognisable.leaked > 0 {
      return
        "Updates like these are personal data: \(verdict.recognisable) \(verdict.kind.plural) could be recognised."
    }
    guard let bound = verdict.bound, bound.isEnough, verdict.privacy.contradiction == nil else {
      return "Not shown: that these attacks failed does not say that no other means succeeds."
    }
    return bound.sentence + "."
  }
}

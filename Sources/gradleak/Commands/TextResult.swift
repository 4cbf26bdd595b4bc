import Attacks
import Audit
import Foundation
import Texts

/// What one attack on texts gave, for people.
struct TextResult {
  private let record: RunRecord

  init(_ record: RunRecord) {
    self.record = record
  }

  func print(_ output: OutputOptions) {
    // A terminal has shown the course while it ran.
    for step in record.text?.course ?? [] where !Terminal.isInteractive || output.quiet {
      Terminal.print(
        Terminal.styled(
          String(format: "%7d  %.2e  ", step.iteration, step.loss.value)
            + step.texts.joined(separator: " | ").escapingControlCharacters, .dim))
    }
    // What casts doubt on the texts comes before them.
    if let diagnosis = record.diagnosis, diagnosis.verdict != .recovered {
      Terminal.printParagraph(
        diagnosis.explanation,
        head: Terminal.styled(diagnosis.verdict.rawValue, .bold) + ": ")
    }
    if record.method == TextAttackKind.bag.rawValue, let bag = record.text?.bagOfWords {
      Terminal.printParagraph(
        "bag of words: " + bag.joined(separator: " ").escapingControlCharacters)
    }
    for text in record.examples { printText(text) }
    for text in record.examples {
      guard let parts = text.recoveredParts, parts.count > 1 else { continue }
      for part in parts {
        Terminal.printParagraph(
          part.escapingControlCharacters, head: "of a pair  ", indentation: 11)
      }
    }
    Terminal.printParagraph(notes.joined(separator: "; "), head: "           ", indentation: 11)
    Terminal.print()
  }

  private func printText(_ text: ExampleResult) {
    if let original = text.original {
      Terminal.printParagraph(
        original.escapingControlCharacters, head: "private    ", indentation: 11)
    }
    let recovered = text.recovered.isEmpty ? "(nothing)" : text.recovered
    let isExact = text.level == .full
    let mark = text.hasTruth ? (isExact ? "exact" : "not exact") : ""
    Terminal.printParagraph(
      recovered.escapingControlCharacters
        + (mark.isEmpty ? "" : "  [" + Terminal.styled(mark, isExact ? .red : .yellow) + "]"),
      head: "recovered  ", indentation: 11)
  }

  private var notes: [String] {
    var notes = ["by \(record.method ?? record.configuration.attackName)"]
    if let distance = record.relativeDistance {
      notes.append(
        record.isCertain == true
          ? "certain: its own gradient is the shared one"
          : String(format: "gradient differs by %.1e of its squared norm", distance.value))
    }
    if let span = record.text?.span {
      let ranks = [span.firstRank, span.secondRank].compactMap { $0.map(String.init) }
      notes.append(
        "rank \(ranks.joined(separator: " and ")) of \(span.width)"
          + (span.rankConditionHolds ? "" : ": \(lostSpan)"))
      if span.tokensChecked > 0 {
        notes.append("\(span.tokensChecked) tokens checked at \(span.positions) positions")
      }
    }
    return notes
  }

  /// Why DAGER had no span to check tokens with.
  private var lostSpan: String {
    if record.defence != nil { return "the defence hides the span that DAGER needs" }
    if record.update.training != nil { return "the local steps blur the span that DAGER needs" }
    return "DAGER's rank condition does not hold"
  }
}

/// Rates over all texts of a run, beside those of guessing.
struct TextSummary {
  private let records: [RunRecord]

  init(_ records: [RunRecord]) {
    self.records = records
  }

  /// The attack and what the client did.
  private var title: String {
    guard let first = records.first else { return "" }
    let naive = first.defence?.isAdaptive == false ? ["not known to the attacker"] : []
    return
      ([first.configuration.attackName, first.defence?.chain.description].compactMap(\.self)
      + naive).joined(separator: ", ")
  }

  private static let measures = ["tokenAccuracy", "rouge1", "rouge2", "rougeL"]

  private static func cells(_ measures: [[String: JSONNumber]]) -> [String] {
    TextSummary.measures.map { name in
      let sum = measures.reduce(0) { $0 + ($1[name]?.value ?? 0) }
      return String(format: "%.3f", sum / Double(max(measures.count, 1)))
    }
  }

  /// What the rates rest on, then the rates.
  func print() {
    for sentence in assumptions { Terminal.printParagraph(sentence) }
    let scored = records.flatMap(\.examples).filter(\.hasTruth)
    guard !scored.isEmpty else { return }
    Terminal.print()
    Terminal.print(table(of: scored))
    Terminal.print()
    Terminal.printParagraph("Exact matches: \(SuccessRate(scored.map { $0.level == .full })).")
  }

  private func table(of scored: [ExampleResult]) -> TextTable {
    var table = TextTable(
      [
        ("", .left), ("exact", .right), ("tokens", .right), ("ROUGE-1", .right),
        ("ROUGE-2", .right),
        ("ROUGE-L", .right),
      ], dispensable: ["ROUGE-L", "ROUGE-2", "tokens"])
    let exact = SuccessRate(scored.map { $0.level == .full })
    table.append(
      [title, String(format: "%.3f", exact.rate)] + TextSummary.cells(scored.map(\.measures)))
    for (place, guess) in (scored.first?.baselines ?? []).enumerated() {
      let measures = scored.compactMap {
        $0.baselines.indices.contains(place) ? $0.baselines[place].measures : nil
      }
      table.append([guess.name, "-"] + TextSummary.cells(measures))
    }
    return table
  }

  private var assumptions: [String] {
    var seen: Set<String> = []
    let models = records.map { "Threat model: \($0.threatModel)." }.filter {
      seen.insert($0).inserted
    }
    return models + SkippedAttack.sentences(records.first?.skipped ?? [])
  }
}

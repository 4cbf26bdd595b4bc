import Audit
import Foundation
import Leakage
import ModelIO

/// Runs attacks on texts one after another, shows how the texts settle, and tells what came back.
struct TextSession {
  let folder: TextModelFolder
  let weights: String
  let configuration: TextAttackConfiguration
  var client: TextClient
  let prior: LanguagePrior?
  let training: LocalTrainingOptions
  let freezeEmbeddings: Bool
  let output: OutputOptions

  /// Words that any attacker of English would guess first.
  private static let frequentWords = "the of and to a in is that it was for on with he as i , ."

  private var audit: TextAudit {
    TextAudit(
      folder.weighted, tokenizer: folder.tokenizer, weights: weights,
      frequentTokens: folder.tokenizer.encode(TextSession.frequentWords, addsSpecialTokens: false),
      prior: prior, backend: output.backend)
  }

  /// Simulates a client for every batch of consecutive texts.
  ///
  /// - Parameter path: where the update is written before it is attacked; nil for nowhere.
  func simulate(_ texts: [String], batchSize: Int, savingTo path: String? = nil) throws {
    let writer = try output.folder()
    let audit = audit
    // Every text, and what is done to each batch, is checked before the first attack.
    for text in texts { _ = try audit.tokens(of: text) }
    for count in Set([min(batchSize, texts.count), texts.count % batchSize]) where count > 0 {
      try client(on: count).check(batchSize: count)
    }
    var labels = RandomSource(seed: configuration.seed).derive(label: "labels")
    let classes = folder.weighted.model.labelClasses
    let names = folder.weighted.model.names
    let frozen: Set<String> =
      freezeEmbeddings
      ? Set(
        [names.tokenEmbedding, names.positionEmbedding]
          + [names.segmentEmbedding].compactMap(\.self))
      : []
    let progress = TextProgress(tokenizer: folder.tokenizer, output)
    Interruption.listen()
    var outcomes: [TextOutcome] = []
    for start in stride(from: 0, to: texts.count, by: batchSize) {
      let batch = Array(texts[start..<min(start + batchSize, texts.count)])
      let outcome = try audit.simulate(
        batch, labels: batch.map { _ in labels.integer(below: classes) }, frozen: frozen,
        client: try client(on: batch.count), configuration: configuration,
        save: { update throws(FileError) in
          if let path { try update.write(to: path) }
        }, observe: progress.observe)
      progress.clear()
      outcomes.append(outcome)
      if !output.json { show(outcome) }
      if Interruption.isRequested { break }
    }
    try finish(outcomes, writer)
  }

  /// The client with its local steps on a batch of this size.
  private func client(on batchSize: Int) throws -> TextClient {
    var client = client
    client.training = try training.training(exampleCount: batchSize)
    return client
  }

  /// Attacks a captured update.
  func attack(path: String, _ reading: TextUpdateReading) throws {
    let writer = try output.folder()
    let file = try TextUpdateFile(contentsOf: path, for: folder.weighted.model, reading)
    for note in file.notes { Terminal.printNote(note) }
    let update = file.update
    let progress = TextProgress(tokenizer: folder.tokenizer, output)
    Interruption.listen()
    let outcome = try audit.attack(
      update, configuration: configuration, observe: progress.observe)
    progress.clear()
    if !output.json { show(outcome) }
    try finish([outcome], writer)
  }

  // MARK: - Output

  private func show(_ outcome: TextOutcome) {
    let record = outcome.record
    // A terminal has shown the course while it ran.
    for snapshot in outcome.snapshots where !SettlingTexts.isPossible || output.quiet {
      Terminal.print(
        Terminal.styled(
          String(format: "%7d  %.2e  ", snapshot.iteration, snapshot.loss)
            + snapshot.texts.joined(separator: " | ").escapingControlCharacters, .dim))
    }
    // What casts doubt on the texts comes before them.
    if let diagnosis = record.diagnosis, diagnosis.verdict != .recovered {
      Terminal.printParagraph(
        diagnosis.explanation,
        head: Terminal.styled(diagnosis.verdict.rawValue, .bold) + ": ")
    }
    if record.method == "bag", let bag = record.bagOfWords {
      Terminal.printParagraph(
        "bag of words: " + bag.joined(separator: " ").escapingControlCharacters)
    }
    for text in record.texts {
      if let original = text.original {
        Terminal.printParagraph(
          original.escapingControlCharacters, head: "private    ", indentation: 11)
      }
      let recovered = text.recovered.isEmpty ? "(nothing)" : text.recovered
      let mark = text.exactMatch.map { $0 ? "exact" : "not exact" } ?? ""
      Terminal.printParagraph(
        recovered.escapingControlCharacters
          + (mark.isEmpty
            ? "" : "  [" + Terminal.styled(mark, text.exactMatch == true ? .red : .green) + "]"),
        head: "recovered  ", indentation: 11)
    }
    for text in record.texts {
      guard let parts = text.recoveredParts, parts.count > 1 else { continue }
      for part in parts {
        Terminal.printParagraph(
          part.escapingControlCharacters, head: "of a pair  ", indentation: 11)
      }
    }
    var notes = ["by \(record.method)"]
    if let distance = record.relativeDistance {
      notes.append(
        record.isCertain
          ? "certain: its own gradient is the shared one"
          : String(format: "gradient differs by %.1e of its squared norm", distance.value))
    }
    if let span = record.span {
      let ranks = [span.firstRank, span.secondRank].compactMap { $0.map(String.init) }
      notes.append(
        "rank \(ranks.joined(separator: " and ")) of \(span.width)"
          + (span.rankConditionHolds ? "" : ": \(TextSession.lostSpan(record))"))
      if span.tokensChecked > 0 {
        notes.append("\(span.tokensChecked) tokens checked at \(span.positions) positions")
      }
    }
    Terminal.printParagraph(notes.joined(separator: "; "), head: "           ", indentation: 11)
    Terminal.print()
  }

  /// Why DAGER had no span to check tokens with.
  private static func lostSpan(_ record: TextRecord) -> String {
    if record.defence != nil { return "the defence hides the span that DAGER needs" }
    if record.localTraining != nil { return "the local steps blur the span that DAGER needs" }
    return "DAGER's rank condition does not hold"
  }

  private func finish(_ outcomes: [TextOutcome], _ folder: OutputFolder?) throws {
    let records = outcomes.map(\.record)
    let kept = try folder?.replace { staged in
      try AtomicFile.write(try ResultWriter.json(records), to: staged.path(of: "text.json"))
    }
    if output.json {
      Terminal.print(try ResultWriter.json(records))
    } else {
      for line in TextSummary(records).lines { Terminal.print(line) }
      if let folder {
        Terminal.printWritten(folder.path(of: "text.json") + OutputFolder.note(kept ?? nil))
      }
    }
    if Interruption.isRequested {
      Terminal.printError("Interrupted; this is the best so far.")
      throw FinishedWithStatus(status: ExitStatus.interrupted)
    }
  }
}

/// Shows how far an attack on texts is: the texts as they settle in a terminal, else a line of progress.
private struct TextProgress {
  private let tokenizer: Tokenizer
  private let line: ProgressLine
  private let view: SettlingTexts

  init(tokenizer: Tokenizer, _ output: OutputOptions) {
    self.tokenizer = tokenizer
    line = ProgressLine(isEnabled: !output.quiet)
    view = SettlingTexts(isEnabled: !output.quiet && !output.json)
  }

  func observe(_ state: TextAttackProgress) -> SolverDecision {
    let loss = state.loss.map { String(format: "  loss %.1e", $0) } ?? ""
    let steps = state.steps > 0 ? "/\(state.steps)" : ""
    let head = "\(state.stage) \(state.step)\(steps)\(loss)"
    func words(_ text: [Int]) -> String { tokenizer.decode(text).escapingControlCharacters }
    if !view.update({ (head, state.texts.map(words)) }) {
      line.update { "\(head)  \(state.texts.last.map(words) ?? "")" }
    }
    return Interruption.isRequested ? .stop(.interrupted) : .proceed
  }

  func clear() {
    view.clear()
    line.clear()
  }
}

/// Rates over all texts of a run, beside those of guessing.
struct TextSummary {
  private let records: [TextRecord]

  init(_ records: [TextRecord]) {
    self.records = records
  }

  /// The attack and what the client did.
  private var title: String {
    guard let first = records.first else { return "" }
    let naive = first.isDefenceKnown == false ? ["not known to the attacker"] : []
    return ([first.attack] + [first.defence].compactMap(\.self) + naive).joined(separator: ", ")
  }

  var lines: [String] {
    let texts = records.flatMap(\.texts)
    let scored = texts.filter { $0.exactMatch != nil }
    guard !scored.isEmpty else { return [] }
    var table = TextTable([
      ("", .left), ("exact", .right), ("tokens", .right), ("ROUGE-1", .right), ("ROUGE-2", .right),
      ("ROUGE-L", .right),
    ])
    func mean(_ value: (TextRecord.Text) -> Double?) -> Double {
      scored.reduce(0) { $0 + (value($1) ?? 0) } / Double(scored.count)
    }
    func cells(_ values: [Double]) -> [String] { values.map { String(format: "%.3f", $0) } }
    let exact = SuccessRate(scored.map { $0.exactMatch == true })
    table.append(
      [title, String(format: "%.3f", exact.rate)]
        + cells([mean(\.tokenAccuracy), mean(\.rouge1), mean(\.rouge2), mean(\.rougeL)]))
    for name in records.first?.baselines.map(\.name) ?? [] {
      let rows = records.flatMap { record in
        record.baselines.filter { $0.name == name }
          .flatMap { [TextRecord.Baseline](repeating: $0, count: record.texts.count) }
      }
      func mean(_ value: (TextRecord.Baseline) -> Double) -> Double {
        rows.reduce(0) { $0 + value($1) } / Double(max(rows.count, 1))
      }
      table.append(
        [name, "-"]
          + cells([mean(\.tokenAccuracy), mean(\.rouge1), mean(\.rouge2), mean(\.rougeL)]))
    }
    return table.lines + ["", "Exact matches: \(exact)."]
  }
}

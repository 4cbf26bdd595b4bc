import Attacks
import Audit
import Foundation

/// What attacks on signals gave, for people.
struct SignalResult {
  /// Signals that are drawn of all updates together; the records have all.
  private static let signalLimit = 12
  private static let channelLimit = 3
  /// Columns of a drawn signal.
  private static let width = 64

  private let records: [RunRecord]

  init(_ records: [RunRecord]) {
    self.records = records
  }

  func print() {
    var room = SignalResult.signalLimit
    for record in records where room > 0 {
      // What casts doubt on the signals comes before them.
      if let diagnosis = record.diagnosis, diagnosis.verdict != .recovered {
        Terminal.printParagraph(
          diagnosis.explanation, head: Terminal.styled(diagnosis.verdict.rawValue, .bold) + ": ")
      }
      for example in record.examples.prefix(room) { print(example, of: record) }
      room -= record.examples.count
    }
    if room < 0 {
      Terminal.printParagraph("\(-room) more signals are in the records (--out or --json).")
      Terminal.print()
    }
  }

  private func print(_ example: ExampleResult, of record: RunRecord) {
    let level = record.level(of: example)
    let kind = DataKinds.descriptor(record.kind)
    var facts: [String] = []
    if example.hasTruth { facts.append("\(kind.score) \(kind.text(example.score))\(kind.unit)") }
    if let label = example.recoveredLabel {
      facts.append(
        "label \(label.text)"
          + (example.isLabelGiven == true
            ? ", given" : example.isLabelRight.map { $0 ? ", right" : ", wrong" } ?? ""))
    }
    facts.append("by \(record.method ?? record.configuration.attackName)")
    Terminal.print(
      Terminal.styled(example.name.escapingControlCharacters, .bold) + "  "
        + facts.joined(separator: "; ") + "  ["
        + Terminal.styled(level.words, level >= .recognisable ? .red : .yellow) + "]")
    guard let signal = example.signal else { return }
    for channel in signal.recovered.indices.prefix(SignalResult.channelLimit) {
      let original = signal.original.map { $0[channel].map(\.value) }
      let found = signal.recovered[channel].map(\.value)
      let scale = SparkLine.Scale(original ?? found)
      if let original {
        Terminal.print("private    " + SparkLine(original, scale, width: SignalResult.width).text)
      }
      Terminal.print("recovered  " + SparkLine(found, scale, width: SignalResult.width).text)
    }
    Terminal.print()
  }

  /// What the rates rest on, then the rates beside those of guesses.
  func printSummary() {
    var seen: Set<String> = []
    for record in records where seen.insert("\(record.threatModel)").inserted {
      Terminal.printParagraph("Threat model: \(record.threatModel).")
    }
    for sentence in SkippedAttack.sentences(records.first?.skipped ?? []) {
      Terminal.printParagraph(sentence)
    }
    let scored = records.flatMap(\.examples).filter(\.hasTruth)
    guard !scored.isEmpty else { return }
    Terminal.print()
    Terminal.print(table(of: scored))
    Terminal.print()
    Terminal.printParagraph(
      "In full (\(DataKinds.descriptor(.signals).fullRule)): "
        + "\(SuccessRate(scored.map { $0.level == .full })).")
  }

  private static let measures = [
    ("snr", "SNR dB"), ("correlation", "correlation"), ("smape", "sMAPE"),
  ]

  private func table(of scored: [ExampleResult]) -> TextTable {
    var table = TextTable(
      [("median", .left)] + SignalResult.measures.map { ($0.1, .right) }, dispensable: ["sMAPE"])
    func row(_ title: String, _ measures: [[String: JSONNumber]]) {
      table.append(
        [title]
          + SignalResult.measures.map { name, _ in
            let middle = medianNumber(measures.compactMap { $0[name]?.value })
            return middle.isNaN ? "–" : String(format: name == "snr" ? "%.1f" : "%.3f", middle)
          })
    }
    row(records.first?.configuration.attackName ?? "attack", scored.map(\.measures))
    for guess in scored.first?.baselines ?? [] {
      row(
        guess.name,
        scored.compactMap { $0.baselines.first { $0.name == guess.name }?.measures })
    }
    return table
  }
}

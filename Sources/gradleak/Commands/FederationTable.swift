import Audit
import Federation
import Foundation

/// What became of a federation, for people.
struct FederationTable {
  private let record: FederationRecord
  private let seconds: [Double]

  init(_ record: FederationRecord, seconds: [Double]) {
    self.record = record
    self.seconds = seconds
  }

  func print() {
    if let failure = record.failure {
      Terminal.printVerdict("The training did not end: \(failure).", .yellow)
    }
    if !record.observers.isEmpty {
      let isLeak = record.observations.contains { ($0.recognisable ?? 0) > 0 }
      Terminal.printVerdict(record.finding + ".", isLeak ? .red : .yellow)
    }
    Terminal.print()
    Terminal.printParagraph(summary)
    Terminal.print()
    printObservations()
    if !record.notes.isEmpty {
      Terminal.print()
      for note in record.notes.prefix(5) {
        let who = note.worker.map { "worker \($0 + 1) " } ?? ""
        Terminal.printParagraph("Round \(note.round + 1): \(who)\(note.text).")
      }
      if record.notes.count > 5 {
        Terminal.printParagraph("… and \(record.notes.count - 5) more, in federation.json.")
      }
    }
  }

  private var summary: String {
    let settings = record.plan.settings
    let first = Double(record.rightBefore) / Double(max(record.heldOutCount, 1))
    let last = record.accuracy(after: record.rounds.count - 1)
    let bytes = record.rounds.reduce(0) { $0 + $1.received + $1.sent }
    return String(
      format:
        "%@ of %d parameters on %@: %d of %d rounds, %d workers, %@; accuracy %.1f %% before, %.1f %% after "
        + "(%d held-out %@); %.1f MB sent, %.1f s.",
      record.model, record.parameterCount, record.plan.data.description, record.rounds.count,
      settings.rounds, settings.workers,
      settings.shared + " each", first * 100, last * 100,
      record.heldOutCount, record.kind.plural, Double(bytes) / 1e6, seconds.reduce(0, +))
  }

  private func printObservations() {
    var table = TextTable(
      [
        ("who", .left), ("round", .right), ("of workers", .left), ("seen", .right),
        (record.kind.plural, .right), ("in full", .right), ("recognisable", .right),
        ("undetermined", .right), (record.kind.score, .right), ("the attack", .left),
      ], dispensable: ["the attack", record.kind.score])
    for seen in record.observations {
      table.append([
        seen.observer.title, String(seen.round),
        seen.workersText,
        String(format: "%.1f %%", seen.share * 100), String(seen.examples),
        seen.full.map(String.init) ?? "-", seen.recognisable.map(String.init) ?? "-",
        seen.undetermined.map(String.init) ?? "-", seen.bestScore(record.kind),
        seen.verdict ?? "-",
      ])
    }
    if record.observations.isEmpty {
      Terminal.printParagraph("No round was tapped.")
    } else {
      Terminal.print(table)
    }
  }
}

import Audit
import Clients
import Foundation

/// How well a property is told from updates, for people.
struct PropertyTable {
  private let record: PropertyRecord

  init(_ record: PropertyRecord) {
    self.record = record
  }

  func print() {
    Terminal.printVerdict(sentence, record.isTold ? .red : .yellow)
    if !record.isTold {
      Terminal.printParagraph(
        "That this classifier does not tell it does not show that no other does.")
    }
    if let candidate { Terminal.printParagraph(candidate) }
    Terminal.print()
    Terminal.print(areas)
    Terminal.print()
    for note in notes { Terminal.printParagraph(note) }
  }

  private var property: String { record.property.escapingControlCharacters }
  private var plural: String { DataKinds.descriptor(DataKindName(rawValue: record.kind)).plural }

  private var sentence: String {
    let clients = record.clientsWith + record.clientsWithout
    guard record.isTold else {
      return "\(property): not told from the updates of \(clients) clients (\(probability))."
    }
    return "\(property): told from the updates of \(clients) clients (AUC "
      + String(format: "%.3f", record.area.value) + ", \(probability))."
  }

  private var probability: String { String(format: "p = %.2g", record.chance) }

  private var candidate: String? {
    record.candidate.map { candidate in
      String(
        format:
          "This update: %d of %d clients without it score as high (p = %.2g), %d of %d with it as low (p = %.2g).",
        candidate.withoutAsHigh, record.clientsWithout, candidate.chanceWithout,
        candidate.withAsLow, record.clientsWith, candidate.chanceWith)
    }
  }

  private var areas: TextTable {
    var table = TextTable([("", .left), ("AUC", .right), ("95 %", .right)])
    func row(_ name: String, _ area: JSONNumber, _ interval: [Double] = []) {
      table.append([
        name, area.value.isNaN ? "–" : String(format: "%.3f", area.value),
        interval.map { String(format: "%.3f", $0) }.joined(separator: "-"),
      ])
    }
    if record.rounds.count > 1 {
      for round in record.rounds {
        row("round \(round.number), and all up to it", round.accumulated)
      }
    }
    row(record.rounds.count > 1 ? "all rounds" : "the updates", record.area, record.interval)
    row("labels alone", record.labelsArea)
    row("guessing", JSONNumber(0.5))
    return table
  }

  private var notes: [String] {
    let batch =
      record.havingInBatch == record.batchSize
      ? "all \(record.batchSize)" : "\(record.havingInBatch) of \(record.batchSize)"
    var notes = [
      "\(record.clientsWith) clients whose \(plural) have it (\(batch) of a batch) and \(record.clientsWithout) whose \(plural) have "
        + "it not, on \(record.model)" + (record.defence.map { ", defence \($0)" } ?? "")
        + "; no two share a record. The classifier was fitted to \(2 * record.auxiliary) updates of other \(plural)"
        + (record.rounds.count > 1 ? " in each round." : "."),
      "p is the share of permutations of the clients under which the area is as large.",
    ]
    if record.isInput == true {
      notes.append("The model reads this column; \"--ignore\" asks of one that it does not read.")
    }
    if !record.labelsArea.value.isNaN, record.labelsArea.value >= record.area.value - 0.05,
      record.isTold
    {
      notes.append(
        "The labels alone tell it as well: whoever knows how often each label is in a batch learns no more from the update."
      )
    }
    if record.unknown > 0 {
      notes.append(
        "\(record.unknown) \(plural), of which it or the label is not known, were left out.")
    }
    return notes
  }
}

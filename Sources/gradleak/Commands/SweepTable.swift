import Audit
import Clients
import Foundation

/// A sweep's cells and verdicts, for people.
struct SweepTable {
  let report: SweepReport

  func print() {
    Terminal.printVerdict(
      verdict, report.cells.contains { $0.leaked > 0 } ? .red : .yellow)
    Terminal.print()
    let models = Set(report.cells.map(\.model))
    let hasBatches = Set(report.cells.map(\.batchSize)).count > 1
    let hasSizes = Set(report.cells.map(\.size)).count > 1
    var columns: [(title: String, alignment: TextTable.Alignment)] = []
    if models.count > 1 { columns.append(("model", .left)) }
    columns.append(("defence", .left))
    if hasBatches { columns.append(("batch", .right)) }
    if hasSizes { columns.append(("size", .right)) }
    let others = Set(report.cells.compactMap(\.kind)).map {
      DataKinds.descriptor(DataKindName(rawValue: $0))
    }
    let score = others.first?.score ?? "dB"
    columns += [
      ("attack", .left), ("n", .right), ("leaked", .right), ("95 % interval", .right),
      ("median \(score)", .right), ("p90 \(score)", .right), ("kB sent", .right),
    ]
    var table = TextTable(
      columns, dispensable: ["kB sent", "p90 \(score)", "95 % interval", "n", "median \(score)"])
    let cut = report.cells.reduce(0) { $0 + ($1.cut ?? 0) }
    for cell in report.cells {
      var row: [String] = []
      if models.count > 1 { row.append(cell.model) }
      row.append(cell.defence.description)
      if hasBatches { row.append(String(cell.batchSize)) }
      if hasSizes { row.append(String(cell.size)) }
      let interval = cell.interval.map { String(format: "%.0f", 100 * $0) }
      row += [
        cell.attack.description, String(cell.runs),
        String(format: "%.0f %%", 100 * cell.rate.value),
        interval.joined(separator: "-") + " %",
        cell.scoreText(cell.medianScore ?? cell.medianPSNR),
        cell.scoreText(cell.percentile90Score ?? cell.percentile90PSNR),
        cell.wireByteCount.map { String(format: "%.1f", Double($0) / 1000) } ?? "",
      ]
      table.append(row)
    }
    Terminal.print(table)
    Terminal.print()
    for kind in others {
      Terminal.printParagraph(
        "Leaked: runs with a \(kind.singular) that can be recognised: \(kind.recognisableRule).")
    }
    if others.isEmpty {
      Terminal.printParagraph(
        "Leaked: runs with an image of \(ResultWriter.decibels(report.leakedPSNR)) dB or more, and "
          + "\(Int(LeakThreshold.marginOverGrey)) dB above a grey one.")
    }
    Terminal.printParagraph(
      "Noise is given by its variance. Attacks know of the defence, unless they are naive.")
    if cut > 0 {
      Terminal.printParagraph(
        "Undetermined: \(cut) runs, whose attack was cut short; intervals count them both ways.")
    }
    if let guess = report.cells.compactMap(\.guessScore).first, let kind = others.first {
      let score = String(format: "%.2f", guess.value)
      Terminal.printParagraph(
        kind.name == .texts
          ? "Knowing nothing: frequent words have a \(kind.score) of \(score)."
          : "Knowing nothing: the better guess has \(score) (\(kind.score)).")
    }
    if let first = report.cells.first(where: { $0.kind == nil }) {
      Terminal.printParagraph(
        "Knowing nothing: a random image has \(ResultWriter.decibels(first.randomGuessPSNR.value)) "
          + "dB, a grey one \(ResultWriter.decibels(first.greyImagePSNR.value)) dB.")
    }
    Terminal.print()
    for series in report.series {
      let name =
        series.axis == .strength ? series.defence : "\(series.defence), \(series.axis.rawValue)"
      Terminal.printParagraph("\(name), \(series.attack): \(series.statement).")
    }
  }
}

extension SweepTable {
  /// Which defences are enough, in one sentence.
  private var verdict: String {
    let plain = report.cells.filter { $0.defence.isEmpty }
    let defended = report.cells.filter { !$0.defence.isEmpty }
    var order: [String] = []
    for name in defended.map(\.defence.description) where !order.contains(name) {
      order.append(name)
    }
    guard !order.isEmpty else {
      return
        "\(plain.reduce(0) { $0 + $1.leaked }) of \(plain.reduce(0) { $0 + $1.runs }) runs leaked."
    }
    let enough = order.filter { name in
      defended.filter { $0.defence.description == name }.allSatisfy(\.isStopped)
    }
    let tried = order.count == 1 ? "The defence that was tried" : "Of \(order.count) defences"
    guard let first = enough.first else {
      return tried + (order.count == 1 ? " is not shown" : " none is shown")
        + " to stop leakage to these attacks."
    }
    let listed = enough.prefix(3).joined(separator: ", ")
    return order.count == 1
      ? "\(first) stops leakage to these attacks."
      : "\(tried) \(enough.count) \(enough.count == 1 ? "is" : "are") shown to stop leakage to these attacks: "
        + listed + (enough.count > 3 ? " and \(enough.count - 3) more." : ".")
  }
}

extension RunRecord {
  /// The best score over the batch, with its unit.
  var bestScore: String {
    let kind = DataKinds.descriptor(kind)
    let score = judged.map(\.score).filter { !$0.isNaN }.max() ?? .nan
    return kind.unit.isEmpty ? "\(kind.score) \(kind.text(score))" : kind.text(score) + kind.unit
  }
}

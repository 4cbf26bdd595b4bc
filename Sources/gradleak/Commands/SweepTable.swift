import Audit
import Foundation

/// A sweep's cells and verdicts, for people.
struct SweepTable {
  let report: SweepReport

  func print() {
    let models = Set(report.cells.map(\.model))
    let hasBatches = Set(report.cells.map(\.batchSize)).count > 1
    let hasSizes = Set(report.cells.map(\.size)).count > 1
    var columns: [(title: String, alignment: TextTable.Alignment)] = []
    if models.count > 1 { columns.append(("model", .left)) }
    columns.append(("defence", .left))
    if hasBatches { columns.append(("batch", .right)) }
    if hasSizes { columns.append(("size", .right)) }
    columns += [
      ("attack", .left), ("n", .right), ("leaked", .right), ("95 % interval", .right),
      ("median dB", .right), ("p90 dB", .right), ("kB sent", .right),
    ]
    var table = TextTable(columns)
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
        ResultWriter.decibels(cell.medianPSNR.value),
        ResultWriter.decibels(cell.percentile90PSNR.value),
        cell.wireByteCount.map { String(format: "%.1f", Double($0) / 1000) } ?? "",
      ]
      table.append(row)
    }
    for (index, line) in table.lines.enumerated() {
      Terminal.print(index == 0 ? Terminal.styled(line, .bold) : line)
    }
    Terminal.print()
    Terminal.printParagraph(
      "Leaked: runs with an image of \(ResultWriter.decibels(report.leakedPSNR)) dB or more, and 3 dB "
        + "above a grey one. Noise is given by its variance. Attacks know of the defence, unless "
        + "they are naive.")
    if cut > 0 {
      Terminal.printParagraph(
        "Undetermined: \(cut) runs, whose attack was cut short; intervals count them both ways.")
    }
    if let first = report.cells.first {
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

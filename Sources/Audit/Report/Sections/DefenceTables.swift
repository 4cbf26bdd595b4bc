import Clients
import Foundation

extension Report {
  /// What defences cost the training, as measured.
  func cost(_ price: PriceReport) -> [ReportBlock] {
    func percent(_ share: Double) -> String { String(format: "%.0f", 100 * share) }
    let rows = price.rows.prefix(Report.rowLimit).map { row -> [ReportText] in
      let bytes = Double(row.result.wireByteCount) / Double(max(row.result.plainByteCount, 1))
      return [
        ReportText(row.defence.description), "\(percent(row.accuracy)) %",
        "\(percent(row.interval[0]))–\(percent(row.interval[1])) %", "\(percent(bytes)) %",
        ReportText(row.epsilon.map { String(format: "%.2f", $0.value) } ?? "–"),
      ]
    }
    let table = ReportTable(
      label: "Table of costs",
      caption: """
        A small training run of \(price.model) with each defence: accuracy on held-out examples (guessing: \
        \(percent(price.chance)) %), bytes on the wire relative to f32, and for DP-SGD the ε of the whole run at δ = \
        10⁻⁵. It ranks defences, and is no forecast for other trainings.
        """,
      columns: [
        ("defence", .name), ("accuracy", .number), ("95 % interval", .number), ("bytes", .number),
        ("ε", .number),
      ], rows: rows)
    return [.heading("What defences cost"), .table(table)]
  }

  /// All cells of a sweep.
  func table(_ sweep: SweepReport) -> [ReportBlock] {
    let shown = sweep.cells.prefix(Report.rowLimit)
    let others = Set(sweep.cells.compactMap(\.kind)).sorted().map {
      DataKinds.descriptor(DataKindName(rawValue: $0))
    }
    let omitted = sweep.cells.count - shown.count
    let measures =
      others.first.map {
        "Rates over runs; \($0.score) over \($0.plural), median and what nine of ten stay below;"
      } ?? "Rates over runs; PSNR over images, median and what nine of ten stay below;"
    let score = others.first?.score ?? "dB"
    let more = omitted > 0 ? " \(omitted) more rows are in the report as JSON." : ""
    let table = ReportTable(
      label: "Table of defences",
      caption: "\(measures) bytes on the wire relative to the update in f32.\(more)",
      columns: [
        ("defence", .name), ("attack", .plain), ("pixels", .number), ("batch", .number),
        ("leaked", .number), ("95 % interval", .number), ("median \(score)", .number),
        ("90 % \(score)", .number), ("labels", .number), ("bytes", .number),
      ], rows: shown.map(row))
    return [.heading("All defences"), .table(table)]
  }

  private func row(_ cell: SweepReport.Cell) -> [ReportText] {
    let tone: ReportTone = cell.isStopped ? .safe : (cell.leaked > 0 ? .leak : .some)
    let cut = (cell.cut ?? 0) > 0 ? ", \(cell.cut ?? 0) cut" : ""
    let bytes = cell.wireByteCount.map { wire in
      let plain = cell.plainByteCount ?? 0
      return plain > 0 ? String(format: "%.0f %%", 100 * Double(wire) / Double(plain)) : "–"
    }
    func percent(_ share: Double) -> String {
      share.isFinite ? String(format: "%.0f", 100 * share) : "–"
    }
    return [
      ReportText(cell.defence.description), ReportText(cell.attack.description),
      ReportText(cell.kind == nil ? String(cell.size) : "–"), "\(cell.batchSize)",
      ReportText("\(cell.leaked) of \(cell.runs)\(cut)", .tone(tone)),
      "\(percent(cell.interval[0]))–\(percent(cell.interval[1])) %",
      ReportText(cell.scoreText(cell.medianScore ?? cell.medianPSNR)),
      ReportText(cell.scoreText(cell.percentile90Score ?? cell.percentile90PSNR)),
      "\(cell.labelsRight)", ReportText(bytes ?? "100 %"),
    ]
  }
}

extension SweepReport.Cell {
  /// A number in the measure of the cell's data.
  package func scoreText(_ number: JSONNumber) -> String {
    kind == nil ? ResultWriter.decibels(number.value) : String(format: "%.2f", number.value)
  }
}

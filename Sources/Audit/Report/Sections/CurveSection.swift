import Foundation

extension Report {
  /// Lines at most; more cannot be told apart.
  private static let lineLimit = 60
  /// Up to so many lines carry their names.
  private static let namedLimit = 6

  /// Matching loss and PSNR over the iterations of each run's best trial.
  var curves: [ReportBlock]? {
    let all = verdict.records.filter { record in
      record.trace.count { $0.trial == record.bestTrial } > 2
    }
    guard !all.isEmpty else { return nil }
    let shown = Array(all.prefix(Report.lineLimit))
    let losses = shown.enumerated().map {
      line($1, $0, count: shown.count) { $0.matchingLoss.value }
    }
    let levels = shown.enumerated().map {
      line($1, $0, count: shown.count) { min($0.psnr?.value ?? .nan, Report.highestDrawnPSNR) }
    }
    let iterations = losses.flatMap { $0.points.map(\.x) }
    let x = ChartScale(.linear, values: iterations, including: [0])
    let loss = Chart(
      summary: "Matching loss over iterations, \(shown.count) runs, logarithmic. "
        + ends(losses, "from", "to"),
      xTitle: "iteration", yTitle: "matching loss (squared gradient distance)", x: x,
      y: ChartScale(.logarithmic, values: losses.flatMap { $0.points.map(\.y) }), lines: losses)
    let images = shown.flatMap(\.images)
    let grey = medianNumber(images.map(\.greyDecibels))
    let random = medianNumber(images.map(\.randomDecibels))
    let quality = Chart(
      summary: "PSNR in dB over iterations, \(shown.count) runs. " + ends(levels, "from", "to"),
      xTitle: "iteration", yTitle: "PSNR (dB), mean over the batch", x: x,
      y: ChartScale(
        .linear, values: levels.flatMap { $0.points.map(\.y) },
        including: [random, grey, LeakThreshold.fullPSNR]),
      lines: levels,
      references: [
        Chart.Reference(value: LeakThreshold.fullPSNR, label: "in full"),
        Chart.Reference(value: LeakThreshold.recognisablePSNR, label: "recognisable"),
        Chart.Reference(value: grey, label: "grey image"),
        Chart.Reference(value: random, label: "random image"),
      ])
    let hidden = all.count - shown.count
    let note =
      "Best trial of each run, the one with the lowest matching loss."
      + (hidden > 0 ? " \(hidden) more runs are not drawn." : "")
    let hasQuality = levels.contains { line in line.points.contains { $0.y.isFinite } }
    return [
      .paragraph(ReportText(note), .soft), .charts([loss] + (hasQuality ? [quality] : [])),
    ]
  }

  private func line(
    _ record: RunRecord, _ index: Int, count: Int, _ value: (TracePoint) -> Double
  ) -> Chart.Line {
    let points = record.trace.filter { $0.trial == record.bestTrial }.map {
      (x: Double($0.iteration), y: value($0))
    }
    let names = record.judged.map(\.name).joined(separator: "+")
    return Chart.Line(
      label: count <= Report.namedLimit
        ? Report.shortened(names) : (index == 0 ? "\(count) runs" : ""),
      points: points, color: count <= Report.namedLimit ? index : 0,
      isThin: count > Report.namedLimit)
  }

  /// Where the lines begin and end, for those who do not see them.
  private func ends(_ lines: [Chart.Line], _ first: String, _ last: String) -> String {
    func middle(_ values: [Double]) -> String { String(format: "%.2g", medianNumber(values)) }
    let starts = lines.compactMap { $0.points.first?.y }
    let finishes = lines.compactMap { $0.points.last?.y }
    return "Median \(first) \(middle(starts)) \(last) \(middle(finishes))."
  }

  /// A name that fits beside a chart.
  static func shortened(_ name: String) -> String { name.withoutFolders.clipped(to: 14) }
}

import Foundation

/// What nobody can do better: the guarantee of the noise, beside what attacks reached.
extension Report {
  /// Candidates that the table and the curve are of.
  private static let candidateCounts = [2, 5, 10, 20, 50, 100, 200, 500, 1000]

  /// Nil where no noise guarantees anything.
  var boundBlocks: [ReportBlock]? {
    guard let bound = verdict.bound else { return nil }
    let rows = Report.candidateCounts.map { count -> [ReportText] in
      let success = bound.success(candidates: count)
      return [
        ReportText(String(count)), ReportText(PrivacyNumbers.percent(1 / Double(count))),
        ReportText(PrivacyNumbers.percent(success)),
      ]
    }
    let verdictOfBound =
      bound.isEnough
      ? "This is enough to reassure here."
      : "This is too much to reassure: the noise is weak."
    return [
      .paragraph(ReportText(bound.sentence + ". " + verdictOfBound)),
      .paragraph(ReportText(reached(bound))),
      .table(
        ReportTable(
          label: "How often anybody finds the right candidate",
          columns: [
            ("candidates", .number), ("guessing finds", .number),
            ("nobody finds more than", .number),
          ], rows: rows)),
      .charts([chart(bound)]),
      .paragraph(
        """
        The bound holds for somebody who knows all other examples and the model and has any computer, for one update, and as \
        long as the client really clips each example and adds this noise. Many updates of the same data add up.
        """, .soft),
    ]
  }

  /// What was tried, on the same axis.
  private func reached(_ bound: GuaranteedBound) -> String {
    let rate = verdict.recognisable
    let tried =
      "Attacks that were tried made \(rate.leaked) of \(rate.count) \(verdict.kind.plural) recognisable"
    return bound.isContradicted(by: rate.units)
      ? "\(tried), which is more than the bound allows: the noise is not what the record says, or this program is wrong."
      : "\(tried); better ones can be no better than the bound."
  }

  private func chart(_ bound: GuaranteedBound) -> Chart {
    let counts = Report.candidateCounts.map(Double.init)
    func line(_ label: String, _ color: Int, _ value: (Int) -> Double) -> Chart.Line {
      Chart.Line(
        label: label,
        points: Report.candidateCounts.map { (x: Double($0), y: 100 * value($0)) }, color: color,
        isThin: false)
    }
    return Chart(
      summary:
        "Share of tries in which the right candidate is found at most, over the number of candidates: "
        + "\(PrivacyNumbers.percent(bound.success(candidates: 2))) of 2, "
        + "\(PrivacyNumbers.percent(bound.success(candidates: 100))) of 100.",
      xTitle: "candidates", yTitle: "found at most (%)",
      x: ChartScale(.logarithmic, values: counts),
      y: ChartScale(.linear, values: [0, 100], including: [0]),
      lines: [
        line("bound", 0) { bound.success(candidates: $0) }, line("guessing", 1) { 1 / Double($0) },
      ])
  }
}

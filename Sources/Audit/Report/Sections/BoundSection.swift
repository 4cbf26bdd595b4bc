import Foundation

/// What nobody can do better: the guarantee of the noise, beside what attacks and audits reached.
extension Report {
  /// Candidates that the table and the curve are of.
  private static let candidateCounts = [2, 5, 10, 20, 50, 100, 200, 500, 1000]

  /// Nil where no noise guarantees anything and nothing else is known of it.
  var boundBlocks: [ReportBlock]? {
    let blocks = sandwichBlocks + candidateBlocks + priorBoundBlocks
    return blocks.isEmpty ? nil : blocks
  }

  /// How often anybody finds the right candidate.
  private var candidateBlocks: [ReportBlock] {
    guard let bound = verdict.bound else { return [] }
    let rows = Report.candidateCounts.map { count -> [ReportText] in
      let success = bound.success(candidates: count)
      return [
        ReportText(String(count)), ReportText(PrivacyNumbers.percent(1 / Double(count))),
        ReportText(PrivacyNumbers.percent(success)), ReportText(found(of: count)),
      ]
    }
    let hasFound = Report.candidateCounts.contains { !found(of: $0).isEmpty }
    let columns: [(title: String, kind: ReportTable.Column)] = [
      ("candidates", .number), ("guessing finds", .number), ("nobody finds more than", .number),
      ("an attack found", .number),
    ]
    let verdictOfBound =
      verdict.privacy.contradiction != nil
      ? "This is refuted, as said above."
      : bound.isEnough
        ? "This is enough to reassure here." : "This is too much to reassure: the noise is weak."
    return [
      .paragraph(ReportText(bound.sentence + ". " + verdictOfBound)),
      .paragraph(ReportText(reached(bound))),
      .table(
        ReportTable(
          label: "How often anybody finds the right candidate",
          columns: hasFound ? columns : columns.dropLast(),
          rows: rows.map { hasFound ? $0 : $0.dropLast() })),
      .charts([chart(bound)]),
      .paragraph(
        """
        The bound holds for somebody who knows all other examples and the model and has any computer, for one update, and as \
        long as the client really clips each example and adds this noise. Many updates of the same data add up.
        """, .soft),
    ]
  }

  /// How often an attack picked the right one of so many, such as "12 of 100"; empty where it was not measured.
  private func found(of count: Int) -> String {
    verdict.privacy.identifications.filter { $0.candidates == count }
      .map { "\($0.right) of \($0.tries)" }.joined(separator: ", ")
  }

  /// Between what ε lies: proved from below, estimated, bounded from above.
  private var sandwichBlocks: [ReportBlock] {
    let privacy = verdict.privacy
    let isOnlyOwnBound = privacy.findings.count == 1 && verdict.bound != nil
    guard !privacy.findings.isEmpty, !isOnlyOwnBound else { return [] }
    let rows = privacy.findings.map { finding -> [ReportText] in
      [
        ReportText("\(finding.side.rawValue) \(PrivacyNumbers.text(finding.epsilon))"),
        ReportText(PrivacyNumbers.text(finding.delta)), ReportText(finding.source),
      ]
    }
    let table = ReportBlock.table(
      ReportTable(
        label: "Between what epsilon lies",
        caption: "Between what epsilon of one round lies, where nothing else is said",
        columns: [("epsilon is", .plain), ("at delta", .number), ("according to", .text)],
        rows: rows))
    let meaning: ReportBlock = .paragraph(
      """
      "At least" is proved by what the code or an attack did, and wrong in at most 5 of 100 audits; "about" supposes normal noise and \
      proves nothing; "at most" holds for every attack, if the code does what is said of it. Records that are reported together \
      are taken to be of the same clients.
      """, .soft)
    let warning = privacy.contradiction.map {
      ReportBlock.paragraph(ReportText($0.sentence), .note)
    }
    return [warning].compactMap(\.self) + [table, meaning]
  }

  /// What `analyse` found that no reconstruction does better on average.
  private var priorBoundBlocks: [ReportBlock] {
    input.analyses.compactMap { analysis in
      let record = analysis.record
      let rows = record.noise.compactMap { row -> [ReportText]? in
        guard let bound = row.boundPSNR else { return nil }
        return [
          ReportText(String(format: "%.0e", row.variance)),
          ReportText(ResultWriter.decibels(bound.value)),
          ReportText(ResultWriter.decibels(row.bayesianPSNR.value)),
        ]
      }
      guard !rows.isEmpty else { return nil }
      return .folded(
        "What noise leaves of pictures, on average: \(record.model.withoutFolders.clipped(to: 80))",
        [
          .table(
            ReportTable(
              label: "PSNR in dB that nobody exceeds under noise",
              columns: [
                ("noise variance", .number), ("nobody exceeds, dB", .number),
                ("predicted here, dB", .number),
              ], rows: rows)),
          .paragraph(
            """
            Nobody exceeds: by the van Trees inequality, the mean squared error of every reconstruction, averaged over \
            pictures of independent pixels (density 2 sin²(πx)), at 95 %; for normal noise of this variance on every number of \
            one update, and known labels. Real pictures are fewer than these and can come back better. Predicted here: \
            linearised at these images, no bound.
            """, .soft),
        ], isOnPaper: true)
    }
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
    let measured = verdict.privacy.identifications.filter { $0.tries > 0 }
    let attacks = Chart.Line(
      label: "attack",
      points: measured.map {
        (x: Double($0.candidates), y: 100 * Double($0.right) / Double($0.tries))
      },
      color: 2, hasMarks: true,
      intervals: measured.map { (low: 100 * $0.interval[0], high: 100 * $0.interval[1]) })
    return Chart(
      summary:
        "Share of tries in which the right candidate is found at most, over the number of candidates: "
        + "\(PrivacyNumbers.percent(bound.success(candidates: 2))) of 2, "
        + "\(PrivacyNumbers.percent(bound.success(candidates: 100))) of 100.",
      xTitle: "candidates", yTitle: "found at most (%)",
      x: ChartScale(.logarithmic, values: counts + measured.map { Double($0.candidates) }),
      y: ChartScale(.linear, values: [0, 100], including: [0]),
      lines: [
        line("bound", 0) { bound.success(candidates: $0) }, line("guessing", 1) { 1 / Double($0) },
      ] + (measured.isEmpty ? [] : [attacks]))
  }
}

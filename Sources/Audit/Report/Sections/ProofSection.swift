import Foundation

/// What is proved by updates alone, in one form for pictures, texts and rows.
extension Report {
  /// Runs that are listed at most.
  private static let proofLimit = 20

  /// Nil where nothing is.
  var proofBlocks: [ReportBlock]? {
    let proofs = input.records.compactMap { record in LeakProof(record).map { (record, $0) } }
    guard !proofs.isEmpty else { return nil }
    let rows = proofs.prefix(Report.proofLimit).map { record, proof -> [ReportText] in
      let names = record.judged.map { $0.name.withoutFolders.clipped(to: 60) }
      return [
        ReportText(verbatim: names.joined(separator: ", ").clipped(to: 200)),
        ReportText(String(format: "%.1e", proof.relativeDistance)),
        ReportText(proof.counts.map { "\($0.equations) for \($0.unknowns)" } ?? ""),
        ReportText(proof.nearMisses),
      ]
    }
    let rest = proofs.count - rows.count
    return [
      .paragraph(
        """
        \(proofs.count) of \(input.records.count) runs prove what they found without the originals: the update, computed again \
        from it, is the shared one to rounding, and that of nothing nearby is.
        """),
      .table(
        ReportTable(
          label: "What is proved",
          columns: [
            ("found", .name), ("distance of updates", .number), ("equations for unknowns", .number),
            ("near misses", .text),
          ], rows: Array(rows))),
    ] + (rest > 0 ? [.paragraph("\(rest) more are in the records.", .soft)] : [])
      + [.paragraph("This supposes \(LeakProof.assumptions).", .soft)]
  }
}

import Foundation

extension SweepReport {
  /// Number of cells that these runs fall into.
  package static func cellCount(of tasks: [SweepTask]) -> Int {
    Set(
      tasks.map { task in
        var kind = task.experiment
        kind.data.examples = [String(kind.batchSize)]
        kind.data.labels = nil
        kind.attack.seed = 0
        return kind
      }
    ).count
  }

  /// The cells as CSV (RFC 4180), with a header.
  package var csv: String {
    let hasOthers = cells.contains { $0.kind != nil }
    var lines = [
      "model,size,batch_size,defence,attack,runs,leaked,cut_short,independent,rate,interval_low,interval_high,"
        + "median_psnr_db,p90_psnr_db,labels_right,random_guess_psnr_db,grey_image_psnr_db,"
        + "wire_bytes,plain_bytes,median_seconds"
        + (hasOthers ? ",kind,median_score,p90_score,guess_score" : "")
    ]
    for cell in cells {
      let numbers = [
        cell.rate.value, cell.interval[0], cell.interval[1], cell.medianPSNR.value,
        cell.percentile90PSNR.value,
      ].map { "\($0)" }
      let fields =
        [
          csvField(cell.model), String(cell.size), String(cell.batchSize),
          csvField(cell.defence.description), csvField(cell.attack.description),
          String(cell.runs), String(cell.leaked), cell.cut.map(String.init) ?? "",
          cell.units.map(String.init) ?? "",
        ] + numbers + [
          String(cell.labelsRight), "\(cell.randomGuessPSNR.value)",
          "\(cell.greyImagePSNR.value)", cell.wireByteCount.map(String.init) ?? "",
          cell.plainByteCount.map(String.init) ?? "",
          cell.medianSeconds.map { "\($0.value)" } ?? "",
        ]
        + (hasOthers
          ? [cell.kind ?? "pictures"]
            + [cell.medianScore, cell.percentile90Score, cell.guessScore].map {
              $0.map { "\($0.value)" } ?? ""
            } : [])
      lines.append(fields.joined(separator: ","))
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

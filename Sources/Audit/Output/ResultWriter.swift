import Clients
import Foundation
import ModelIO
import TensorGraph

/// Writes outcomes to a folder: `run.json` (the records), `timing.json`, `trace.csv`, the pictures,
/// a contact sheet and a strip of snapshots for each image.
///
/// The folder is replaced as one unit; see `OutputFolder`. All files but `timing.json` are the same to the byte for the same
/// seed, build and machine.
public struct ResultWriter: Sendable {
  /// Rows of a contact sheet at most; the records hold the rest.
  private static let rowLimit = 70

  private let folder: OutputFolder

  /// - Parameter folder: replaced as a whole.
  public init(folder: OutputFolder) {
    self.folder = folder
  }

  /// - Returns: what was written, for people.
  /// - Throws: `FileError` when a file cannot be written.
  public func write(_ outcomes: [AuditOutcome]) throws -> String {
    let kept = try folder.replace { try write(outcomes, to: $0) }
    let hasPictures = outcomes.contains { !$0.record.images.isEmpty }
    func has(_ kind: DataKindName) -> Bool { outcomes.contains { $0.record.kind == kind } }
    let written =
      hasPictures
      ? "\(folder.path(of: "contact-sheet.png")), run.json, trace.csv and the pictures"
      : has(.rows)
        ? "\(folder.path(of: RecoveredRows.file)), run.json and trace.csv"
        : has(.signals)
          ? "\(folder.path(of: RecoveredSignals.file)), run.json, trace.csv and an array of each signal"
          : "\(folder.path(of: "run.json")) and trace.csv"
    return written + OutputFolder.note(kept)
  }

  /// Writes the files into a folder that is being filled.
  package func write(_ outcomes: [AuditOutcome], to folder: StagedFolder) throws {
    let records = ResultWriter.records(of: outcomes)
    let seeds = Set(records.map(\.configuration.seed))
    var rows: [ContactSheet.Row] = []
    for (record, outcome) in zip(records, outcomes) {
      for (index, result) in record.images.enumerated() {
        let suffix = seeds.count > 1 ? "-seed\(outcome.record.configuration.seed)" : ""
        let stem = result.name + suffix
        let original = outcome.originals.map { Image($0[index]) }
        let reconstruction = Image(outcome.reconstructions[index])
        try original?.writePNG(to: folder.path(of: "\(stem)-original.png"))
        try reconstruction.writePNG(to: folder.path(of: "\(stem)-reconstruction.png"))
        if let numbers = result.numbers {
          try AtomicFile.write(
            NPYFile.bytes(outcome.numbers[index]), to: folder.path(of: numbers))
        }
        try writeMask(result.mask, outcome.masks?[index], stem: stem, to: folder)
        try writeSnapshots(outcome.frames[index], stem: stem, original: original, to: folder)
        rows.append(
          row(
            stem, result, outcome.record.level(of: result), original: original,
            reconstruction: reconstruction))
      }
    }
    if let first = records.first, !rows.isEmpty {
      let sheet = ContactSheet(
        title: "gradleak: what came back from shared gradients", subtitle: subtitle(first),
        rows: Array(rows.prefix(ResultWriter.rowLimit)))
      try sheet.image().writePNG(to: folder.path(of: "contact-sheet.png"))
    }
    if let rows = RecoveredRows(records) {
      try AtomicFile.write(rows.csv, to: folder.path(of: RecoveredRows.file))
    }
    if let signals = RecoveredSignals(records) {
      try AtomicFile.write(signals.csv, to: folder.path(of: RecoveredSignals.file))
      for array in signals.arrays {
        try AtomicFile.write(array.bytes, to: folder.path(of: array.name))
      }
    }
    try AtomicFile.write(try ResultWriter.json(records), to: folder.path(of: "run.json"))
    try AtomicFile.write(
      try ResultWriter.json(outcomes.map(\.timing)), to: folder.path(of: "timing.json"))
    try AtomicFile.write(trace(records), to: folder.path(of: "trace.csv"))
  }

  /// The records as a folder holds them, with the names of the files beside them.
  public static func records(of outcomes: [AuditOutcome]) -> [RunRecord] {
    let hasSeeds = Set(outcomes.map(\.record.configuration.seed)).count > 1
    return outcomes.map { outcome in
      var record = outcome.record
      let suffix = hasSeeds ? "-seed\(record.configuration.seed)" : ""
      for index in record.images.indices {
        let stem = record.images[index].name + suffix
        record.images[index].numbers = "\(stem)-reconstruction.npy"
        record.images[index].mask?.numbers = "\(stem)-mask.npy"
      }
      return record
    }
  }

  /// Values as readable JSON with sorted keys.
  public static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }

  // MARK: - Pictures

  private func row(
    _ name: String, _ result: ImageResult, _ level: LeakLevel, original: Image?,
    reconstruction: Image
  ) -> ContactSheet.Row {
    let label =
      switch (result.trueLabelName, result.isLabelRight) {
      case _ where result.mask != nil && result.isLabelGiven != true:
        result.recoveredLabelName + (result.hasTruth ? " right" : "")
      case _ where result.isLabelGiven == true: "label \(result.recoveredLabelName), given"
      case (let label?, true?): "label \(label), right"
      case (let label?, _): "label \(label), guessed \(result.recoveredLabelName)"
      case (nil, _): "label \(result.recoveredLabelName)"
      }
    guard let psnr = result.psnr, result.isRecovered != nil else {
      return ContactSheet.Row(
        name: name, original: original, reconstruction: reconstruction,
        captions: [PictureCaption(label), PictureCaption("truth not known")])
    }
    var measures = "PSNR \(ResultWriter.decibels(psnr.value)) dB"
    if let ssim = result.ssim { measures += String(format: "  SSIM %.3f", ssim.value) }
    return ContactSheet.Row(
      name: name, original: original, reconstruction: reconstruction,
      captions: [
        PictureCaption(measures), PictureCaption(label),
        ResultWriter.verdict(level),
      ])
  }

  private static func verdict(_ level: LeakLevel) -> PictureCaption {
    switch level {
    case .full: PictureCaption("recovered", tone: .alarm)
    case .recognisable: PictureCaption("recognisable", tone: .alarm)
    case .undetermined: PictureCaption("not shown", tone: .alarm)
    case .label, .nothing: PictureCaption("not recovered", tone: .calm)
    }
  }

  /// The classes that were found for each pixel as numbers, and beside the true ones as a picture.
  private func writeMask(
    _ result: MaskResult?, _ mask: (truth: [Int]?, found: [Int])?, stem: String,
    to folder: StagedFolder
  ) throws(FileError) {
    guard let result, let mask else { return }
    if let numbers = result.numbers {
      let array = Tensor([result.height, result.width], .f32, mask.found.map(Double.init))
      try AtomicFile.write(NPYFile.bytes(array), to: folder.path(of: numbers))
    }
    let masks = [mask.truth, mask.found].compactMap(\.self)
    try Image(masks: masks, height: result.height, width: result.width)
      .writePNG(to: folder.path(of: "\(stem)-mask.png"))
  }

  private func writeSnapshots(
    _ frames: [AuditOutcome.Frame], stem: String, original: Image?, to folder: StagedFolder
  ) throws(FileError) {
    guard frames.count > 1 else { return }
    let strip = SnapshotStrip(
      title: "\(stem): the dummy image moves until its gradient matches",
      frames: frames.map {
        SnapshotStrip.Frame(
          iteration: $0.iteration, loss: $0.matchingLoss, image: Image($0.image))
      },
      original: original)
    try strip.image().writePNG(to: folder.path(of: "\(stem)-snapshots.png"))
  }

  private func subtitle(_ record: RunRecord) -> String {
    "\(record.model.name) (\(record.model.activation)), attack "
      + "\(record.configuration.attackName), batch \(record.update.batchSize), "
      + sharing(record.update)
  }

  /// What the client shared, as a contact sheet says it.
  private func sharing(_ update: UpdateSummary) -> String {
    switch (update.localSteps, update.kind) {
    case (...1, "difference"): "one difference of weights"
    case (...1, _): "one gradient"
    case (let steps, "gradient"): "\(steps) local steps"
    case (let steps, let kind): "\(kind) after \(steps) local steps"
    }
  }

  /// A level in dB with one decimal, or "inf".
  public static func decibels(_ value: Double) -> String {
    value.isFinite ? String(format: "%.1f", value) : "\(value)"
  }

  // MARK: - Trace

  /// One line for each point of each trace. Images of one batch are joined by "+".
  private func trace(_ records: [RunRecord]) -> String {
    var lines = ["run,images,seed,trial,iteration,evaluations,matching_loss,psnr_db"]
    for (index, record) in records.enumerated() {
      let names = record.judged.map(\.name).joined(separator: "+")
      for point in record.trace {
        let psnr = point.psnr.map { "\($0.value)" } ?? ""
        lines.append(
          "\(index),\(csvField(names)),\(record.configuration.seed),\(point.trial),"
            + "\(point.iteration),\(point.evaluations),\(point.matchingLoss.value),\(psnr)")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

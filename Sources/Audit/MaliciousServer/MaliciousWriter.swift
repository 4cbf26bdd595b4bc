import Foundation
import ModelIO
import TensorGraph

/// Writes what a malicious server got: `malicious.json` and a contact sheet.
package struct MaliciousWriter: Sendable {
  /// Rows of the contact sheet at most; the record holds the rest.
  private static let rowLimit = 12

  private let folder: OutputFolder

  package init(folder: OutputFolder) {
    self.folder = folder
  }

  /// - Returns: what was written, for people.
  /// - Throws: ``FileError`` when a file cannot be written.
  package func write(_ outcome: MaliciousSimulation.Outcome, _ batch: [PrivateExample]) throws
    -> String
  {
    let sheet = MaliciousWriter.sheet(outcome, batch)
    let kept = try folder.replace { staged in
      try sheet.image().writePNG(to: staged.path(of: "contact-sheet.png"))
      try AtomicFile.write(
        try ResultWriter.json(outcome.record), to: staged.path(of: "malicious.json"))
    }
    return "\(folder.path(of: "contact-sheet.png")) and malicious.json" + OutputFolder.note(kept)
  }

  /// The first reconstructions beside their originals.
  package static func sheet(
    _ outcome: MaliciousSimulation.Outcome, _ batch: [PrivateExample]
  ) -> ContactSheet {
    let record = outcome.record
    // What was set apart first, and then in the client's order.
    let order =
      batch.indices.filter { record.images[$0].isIsolated == true }
      + batch.indices.filter { record.images[$0].isIsolated != true }
    let rows = order.compactMap { index -> ContactSheet.Row? in
      guard let image = outcome.reconstructions[index] else { return nil }
      return row(record.images[index], original: batch[index].image, reconstruction: image)
    }
    return ContactSheet(
      title: "gradleak: what a malicious server reads",
      subtitle: "\(record.model), \(record.method.rawValue), batch \(record.batchSize), "
        + "one gradient a round",
      rows: Array(rows.prefix(MaliciousWriter.rowLimit)))
  }

  private static func row(
    _ entry: MaliciousRecord.ImageEntry, original: Tensor, reconstruction: Tensor
  ) -> ContactSheet.Row {
    var captions = [PictureCaption("PSNR \(ResultWriter.decibels(entry.psnr.value)) dB")]
    if let isIsolated = entry.isIsolated {
      captions.append(PictureCaption(isIsolated ? "isolated" : "not isolated"))
    }
    captions.append(
      PictureCaption(
        entry.isRecovered ? "recovered" : "not recovered", tone: entry.isRecovered ? .alarm : .calm)
    )
    return ContactSheet.Row(
      name: entry.name, original: Image(original), reconstruction: Image(reconstruction),
      captions: captions)
  }
}

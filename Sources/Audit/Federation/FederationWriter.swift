import Federation
import ModelIO

/// Writes what became of a federation into a folder: `federation.json`, a page, the attacks' records and pictures, and how long
/// it took.
package struct FederationWriter {
  private let study: FederationStudy
  private let results: TappedUpdates.Results
  private let folder: OutputFolder

  /// - Parameter results: of the attacks on what was seen.
  package init(_ study: FederationStudy, _ results: TappedUpdates.Results, folder: OutputFolder) {
    self.folder = folder
    self.study = study
    self.results = results
  }

  /// - Throws: `FileError` when a file cannot be written.
  package func write(to staged: StagedFolder) throws {
    if !results.outcomes.isEmpty {
      try ResultWriter(folder: folder).write(results.outcomes, to: staged)
    }
    try AtomicFile.write(
      try ResultWriter.json(study.record), to: staged.path(of: "federation.json"))
    try AtomicFile.write(
      FederationReport(study.record, results).html, to: staged.path(of: "report.html"))
    try AtomicFile.write(
      try ResultWriter.json(study.seconds), to: staged.path(of: "federation-timing.json"))
    try Safetensors.write(
      study.scene.vector.named(study.weights), to: staged.path(of: "weights.safetensors"))
  }
}

import Federation
import ModelIO

/// Writes what became of a federation into a folder: `federation.json`, the attacks' records and pictures, and how long
/// it took.
package struct FederationWriter {
  private let study: FederationStudy
  private let outcomes: [AuditOutcome]
  private let folder: OutputFolder

  /// - Parameter outcomes: of the attacks on what was seen.
  package init(_ study: FederationStudy, _ outcomes: [AuditOutcome], folder: OutputFolder) {
    self.folder = folder
    self.study = study
    self.outcomes = outcomes
  }

  /// - Throws: `FileError` when a file cannot be written.
  package func write(to staged: StagedFolder) throws {
    if !outcomes.isEmpty {
      try ResultWriter(folder: folder).write(outcomes, to: staged)
    }
    try AtomicFile.write(
      try ResultWriter.json(study.record), to: staged.path(of: "federation.json"))
    try AtomicFile.write(
      try ResultWriter.json(study.seconds), to: staged.path(of: "federation-timing.json"))
    try Safetensors.write(
      study.scene.vector.named(study.weights), to: staged.path(of: "weights.safetensors"))
  }
}

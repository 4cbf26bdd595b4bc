import Federation
import ModelIO
import TensorGraph

/// Writes what a study of a malicious client's generator gave: `gan.json`, a grid of pictures for each run, the samples,
/// and the attacks' records.
package struct GANWriter {
  private let study: GANStudy
  private let outcomes: [AuditOutcome]
  private let folder: OutputFolder

  /// - Parameter outcomes: of the attacks on gradients.
  package init(_ study: GANStudy, _ outcomes: [AuditOutcome], folder: OutputFolder) {
    self.study = study
    self.outcomes = outcomes
    self.folder = folder
  }

  /// - Throws: `FileError` when a file cannot be written.
  package func write(to staged: StagedFolder) throws {
    if !outcomes.isEmpty {
      try ResultWriter(folder: folder).write(outcomes, to: staged)
    }
    try AtomicFile.write(try ResultWriter.json(study.record), to: staged.path(of: "gan.json"))
    for (index, result) in study.results.enumerated() {
      try grid(result, study.record.runs[index]).image()
        .writePNG(to: staged.path(of: "gan-run-\(index + 1).png"))
      try Safetensors.write(
        ["images": result.samples.images(Array(0..<result.samples.count))],
        to: staged.path(of: "gan-run-\(index + 1)-samples.safetensors"), isPrivate: true)
    }
  }

  private func grid(_ result: GANStudy.Result, _ run: GANRecord.Run) -> PictureGrid {
    let training = study.measures.training
    let shown = run.samples.indices.prefix(8)
    let records = result.reconstructions.keys.sorted().prefix(8)
    return PictureGrid(
      title: "class \(study.record.attack.targetClass) of \(study.plan.data.description)",
      rows: [
        ("mean of the victim's pictures", [picture(study.measures.mean[...], training)]),
        ("GAN samples", shown.map { picture(result.samples.picture($0), training) }),
        (
          "the victim's picture nearest to each",
          shown.map {
            picture(training.picture(run.samples[$0].nearestTrainingIndex), training)
          }
        ),
        (
          "DLG: from the gradient of one picture each",
          records.compactMap { result.reconstructions[$0] }.map { picture($0[...], training) }
        ),
        (
          "the pictures behind the gradients",
          records.map { picture(training.picture($0), training) }
        ),
      ])
  }

  private func picture(_ numbers: ArraySlice<Float>, _ like: TrainingSet) -> Image {
    Image(Tensor(like.shape, .f32(Array(numbers))))
  }
}

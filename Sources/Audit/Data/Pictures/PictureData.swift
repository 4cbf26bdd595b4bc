import Solvers
import TensorGraph

/// Pictures: what models of images are trained on.
struct PictureData: DataKind {
  let descriptor = DataKindDescriptor(
    name: .pictures, singular: "image", plural: "images",
    fullRule: "PSNR of at least \(Int(LeakThreshold.fullPSNR)) dB and the label right",
    recognisableRule: "PSNR of at least \(Int(LeakThreshold.recognisablePSNR)) dB", score: "PSNR",
    // As many as Zhu et al. 2019 (arXiv 1906.08935, section 4.1) use on images.
    unit: " dB", usualModel: "lenet", leastIterations: 300, secondAttack: .dlg)

  func check(_ experiment: Experiment) throws(ExperimentError) {
    try experiment.model.check()
    for (place, isGiven) in [
      ("client.freezesEmbeddings", experiment.client.freezesEmbeddings),
      ("client.adapterRank", experiment.client.adapterRank != nil),
      ("prior", experiment.prior != nil),
      ("data.update.noiseVariance", experiment.data.update?.noiseVariance != nil),
    ] where isGiven {
      throw ExperimentError(place, "is for language models; leave it out, or give texts")
    }
  }

  func runner(
    for experiment: Experiment, batchSizes: Set<Int>, backend: any Backend
  ) throws -> any ExperimentRunner {
    PictureRunner(
      try experiment.model.select(mode: experiment.mode, batchSizes: batchSizes), backend: backend)
  }
}

extension Experiment {
  /// The experiment with the labels that the client's examples get where none are given: drawn from the seed.
  package func labelled(for selected: SelectedModel) throws -> Experiment {
    guard data.labels == nil, data.update == nil else { return self }
    let count = try loss.clientLoss(of: selected).labelCount(
      classCount: selected.model.classCount)
    var labels = RandomSource(seed: attack.seed).derive(label: "labels")
    var result = self
    let masks = selected.model.labelPositions.rank > 0
    result.data.labels = data.examples.map { _ in
      ExampleLabel.random(below: count, masks: masks, using: &labels)
    }
    return result
  }
}

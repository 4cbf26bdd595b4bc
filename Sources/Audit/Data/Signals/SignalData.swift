import Clients
import TensorGraph

/// Signals: what models of sensors are trained on.
///
/// A signal is an input of numbers in 0...1 of its range, so that all attacks on images read it; the model undoes that first.
struct SignalData: DataKind {
  let descriptor = DataKindDescriptor(
    name: .signals, singular: "signal", plural: "signals",
    fullRule:
      "an error of a hundredth of its variation (SNR of \(Int(LeakThreshold.fullSNR)) dB) and the label right",
    recognisableRule:
      "nine tenths of its variation (SNR of \(Int(LeakThreshold.recognisableSNR)) dB)",
    score: "SNR", unit: " dB", usualModel: "cnn1d", leastIterations: 300)

  func check(_ experiment: Experiment) throws(ExperimentError) {
    try experiment.model.check()
    try experiment.data.signal?.check()
    let (model, data) = (experiment.model, experiment.data)
    for (place, isGiven) in [
      ("model.size", model.size != nil), ("model.inputShape", model.inputShape != nil),
      ("data.turns", data.turns != nil), ("data.readAs", data.readAs != .pillow),
      ("start", experiment.start != nil), ("prior", experiment.prior != nil),
      ("client.adapterRank", experiment.client.adapterRank != nil),
      ("client.freezesEmbeddings", experiment.client.freezesEmbeddings),
      ("data.update.noiseVariance", experiment.data.update?.noiseVariance != nil),
    ] where isGiven {
      throw ExperimentError(place, "is not for signals; leave it out")
    }
  }

  func runner(
    for experiment: Experiment, batchSizes: Set<Int>, backend: any Backend
  ) throws -> any ExperimentRunner {
    try SignalRunner(experiment, batchSizes: batchSizes, backend: backend)
  }
}

import Clients
import TensorGraph

/// Rows of tables: what models of tables are trained on.
///
/// A row is an input [1, 1, D] of numbers, so that all attacks on images read it; what is found is taken back to a row.
struct RowData: DataKind {
  let descriptor = DataKindDescriptor(
    name: .rows, singular: "row", plural: "rows", fullRule: "every cell right, the label's too",
    recognisableRule:
      "three quarters of the cells, and a tenth more than guesses without the update",
    score: "cells right", usualModel: "mlp", leastIterations: 300)

  func check(_ experiment: Experiment) throws(ExperimentError) {
    try experiment.model.check()
    let (model, data) = (experiment.model, experiment.data)
    for (place, isGiven) in [
      ("model.size", model.size != nil), ("model.inputShape", model.inputShape != nil),
      ("model.mean", model.mean != nil), ("model.deviation", model.deviation != nil),
      ("data.turns", data.turns != nil), ("data.readAs", data.readAs != .pillow),
      ("data.labels", data.labels != nil), ("start", experiment.start != nil),
      ("prior", experiment.prior != nil),
      ("client.adapterRank", experiment.client.adapterRank != nil),
      ("client.freezesEmbeddings", experiment.client.freezesEmbeddings),
      ("data.update.noiseVariance", data.update?.noiseVariance != nil),
    ] where isGiven {
      throw ExperimentError(place, "is not for rows, which their table describes; leave it out")
    }
    guard data.table != nil else {
      throw ExperimentError("data.table", "is missing: the table that the rows are of")
    }
  }

  func runner(
    for experiment: Experiment, batchSizes: Set<Int>, backend: any Backend
  ) throws -> any ExperimentRunner {
    try RowRunner(experiment, batchSizes: batchSizes, backend: backend)
  }
}

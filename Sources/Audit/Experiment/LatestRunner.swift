import Clients
import TensorGraph

/// Makes runners, and keeps the latest one for the experiments after it that share its model: that is read or
/// drawn, and its weights are hashed, once.
package struct LatestRunner {
  /// All that a runner depends on; see ``DataKind/runner(for:batchSizes:backend:)``.
  private struct Setting: Equatable {
    let kind: DataKindName
    let model: ModelChoice
    let mode: ForwardMode
    let client: ClientTraining
    let prior: String?
    let batchSize: Int
    let table: TableChoice?
    /// Of rows, whose labels are read by it.
    let loss: LossChoice?

    init(_ experiment: Experiment) {
      (kind, model, mode) = (experiment.data.kind, experiment.model, experiment.mode)
      (client, prior, batchSize) = (experiment.client, experiment.prior, experiment.batchSize)
      table = experiment.data.table
      loss = experiment.data.kind == .rows ? experiment.loss : nil
    }
  }

  private let backend: any Backend
  private var latest: (setting: Setting, runner: any ExperimentRunner)?

  package init(on backend: any Backend) {
    self.backend = backend
  }

  /// A runner of this experiment.
  ///
  /// - Throws: as ``Experiment/runner(on:)``.
  mutating func runner(for experiment: Experiment) throws -> any ExperimentRunner {
    let setting = Setting(experiment)
    if let latest, latest.setting == setting { return latest.runner }
    // The former model goes before another one comes.
    latest = nil
    let runner = try experiment.runner(on: backend)
    latest = (setting, runner)
    return runner
  }
}

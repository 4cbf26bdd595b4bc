import Leakage
import TensorGraph

extension Experiment {
  /// A runner of this experiment.
  ///
  /// - Throws: as ``DataKind/runner(for:batchSizes:backend:)``.
  public func runner(on backend: any Backend) throws -> any ExperimentRunner {
    guard batchSize > 0 else {
      throw ExperimentError(
        "data", "has neither \(data.kind.rawValue) nor an update; give one of them")
    }
    return try DataKinds.kind(data.kind).runner(
      for: self, batchSizes: [batchSize], backend: backend)
  }

  /// The same with at most `size` of the examples and their labels each; the last one has the rest.
  public func divided(into size: Int) -> [Experiment] {
    stride(from: 0, to: data.examples.count, by: size).map { start in
      let range = start..<min(start + size, data.examples.count)
      var part = self
      part.data.examples = Array(data.examples[range])
      part.data.labels = data.labels.map { Array($0[range]) }
      part.data.turns = data.turns.map { Array($0[range]) }
      return part
    }
  }

  /// Runs the experiment.
  ///
  /// - Parameter observing: called after every step of an attack; may ask to stop.
  /// - Throws: as ``ExperimentRunner/prepare(_:names:)`` and ``PreparedExperiment/run(observe:)``.
  public func run(
    on backend: any Backend,
    observing: (ExperimentProgress) -> SolverDecision = { _ in .proceed }
  ) throws -> AuditOutcome {
    let runner = try runner(on: backend)
    let prepared = try runner.prepare(try runner.labelled(self), names: nil)
    try prepared.check()
    return try prepared.run(observe: observing)
  }
}

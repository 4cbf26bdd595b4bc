import Attacks
import Clients
import ModelIO
import Solvers
import TensorGraph

/// An experiment on signals whose recordings were read.
package struct PreparedSignals: PreparedExperiment {
  /// The same on the signals as inputs.
  package let inputs: PreparedPictures
  let runner: SignalRunner
  /// The private batch, or what an update is measured by; empty where it is not known.
  let truth: [PrivateSignal]

  package var experiment: Experiment { inputs.experiment }
  package var notes: [Sentence] { inputs.notes }
  package var name: String { inputs.name }
  package var isSimulated: Bool { inputs.isSimulated }
  /// A little more than what counts as recognisable.
  package var provenScore: Double { LeakThreshold.recognisableSNR + 1 }

  package func varied(_ change: (inout Experiment) -> Void) -> PreparedSignals {
    PreparedSignals(inputs: inputs.varied(change), runner: runner, truth: truth)
  }

  package func check() throws { try inputs.check() }

  package func fit() throws(AttackError) -> (misfit: UpdateMisfit?, truth: TruthCheck?) {
    try inputs.fit()
  }

  /// Attacks the signals as inputs, then compares what was found with the private ones.
  package func run(observe: (ExperimentProgress) -> SolverDecision) throws -> AuditOutcome {
    let outcome = try inputs.run { state in
      // Decibels of the range are not those of the signal.
      observe(ExperimentProgress(state.attack, stage: state.stage, steps: state.steps) { .nan })
    }
    var record = outcome.record
    record.kind = .signals
    for index in record.trace.indices { record.trace[index].psnr = nil }
    record.method = record.trials[record.bestTrial].method
    let scores = SignalScores(runner, seed: experiment.attack.seed)
    record.examples = zip(outcome.numbers, record.images).enumerated().map { index, found in
      scores.example(
        truth.indices.contains(index) ? truth[index] : nil, runner.samples(of: found.0),
        labels: found.1)
    }
    record.images = []
    return AuditOutcome(
      record: record, timing: outcome.timing, wasInterrupted: outcome.wasInterrupted)
  }
}

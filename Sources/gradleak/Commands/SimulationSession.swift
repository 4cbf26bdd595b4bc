import Audit
import CPUBackend
import Foundation
import Leakage
import TensorGraph

/// Runs simulated audits one after another, shows how far they are, and gathers their outcomes.
struct SimulationSession {
  let selection: ModelSelection
  let attack: AttackOptions
  let output: OutputOptions

  /// A batch to share and attack, with the seed of the weights and the dummy data.
  struct Job {
    let name: String
    let seed: UInt64
    let batch: [PrivateExample]
  }

  /// Says what the model's smoothness means for the attack, when there is something to say.
  func explainSmoothness(of model: Model) {
    guard attack.attack.searches else { return }
    let report = model.smoothness()
    guard !report.isSmooth else { return }
    Terminal.printError("note: " + report.explanation)
  }

  /// Runs the jobs until all are done or the user presses Ctrl-C.
  func run(_ jobs: [Job], model: Model, activation: String) throws -> [SimulatedAudit.Outcome] {
    let backend = CPUBackend(CPUBackend.Options(threadCount: output.threads))
    let progress = ProgressLine(isEnabled: !output.quiet)
    Interruption.listen()
    var outcomes: [SimulatedAudit.Outcome] = []
    var audits: [UInt64: SimulatedAudit] = [:]
    for (index, job) in jobs.enumerated() {
      let audit = audits[job.seed] ?? makeAudit(model, activation, seed: job.seed, backend)
      audits[job.seed] = audit
      let configuration = attack.configuration(seed: job.seed)
      let outcome = try audit.run(job.batch, configuration: configuration) { state in
        progress.update { line(state, job, index: index, count: jobs.count) }
        return Interruption.isRequested ? .stop(.interrupted) : .proceed
      }
      progress.clear()
      outcomes.append(outcome)
      if outcome.wasInterrupted || Interruption.isRequested { break }
    }
    return outcomes
  }

  private func makeAudit(
    _ model: Model, _ activation: String, seed: UInt64, _ backend: CPUBackend
  ) -> SimulatedAudit {
    SimulatedAudit(
      WeightedModel(untrained: model, seed: seed), activation: activation,
      weights: "untrained, initialised with seed \(seed)",
      backend: backend)
  }

  /// For instance "[2/7] chelsea  trial 1/5  iteration 812  loss 2.1e-06  31.2 dB  3,120/s  ETA 0:02".
  private func line(
    _ state: SimulatedAudit.Progress, _ job: Job, index: Int, count: Int
  ) -> String {
    let solver = state.attack.solver
    let rate = Double(state.attack.evaluations) / max(state.attack.seconds, 1e-9)
    let perIteration = Double(solver.evaluations) / Double(max(solver.iteration, 1))
    let remaining = Double(attack.iterations - solver.iteration) * perIteration / max(rate, 1e-9)
    let psnr = state.psnr.isNaN ? "" : String(format: "  %.1f dB", state.psnr)
    return "[\(index + 1)/\(count)] \(job.name)  trial \(state.attack.trial + 1)/\(attack.trials)"
      + "  iteration \(solver.iteration)"
      + String(format: "  loss %.1e", solver.value) + psnr
      + String(format: "  %.0f evaluations/s", rate)
      + "  ETA at most \(ProgressLine.clock(remaining))"
  }
}

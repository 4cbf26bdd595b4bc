import Audit
import CPUBackend
import Foundation
import Leakage
import ModelIO
import TensorGraph

/// Runs simulated audits one after another, shows how far they are, and gathers their outcomes.
struct SimulationSession {
  let selected: SelectedModel
  let kind: AttackName
  var loss = ClientLoss.meanCrossEntropy
  let attack: AttackOptions
  let output: OutputOptions
  var defence = DefenceOptions.Choice()
  /// Of the simulated clients; nil for one gradient.
  var training: LocalTrainingOptions?
  /// Among whom each batch is divided; the mean of their updates is attacked.
  var clients: ClientOptions?

  /// A batch to share and attack, with the seed of the weights and the dummy data.
  struct Job {
    let name: String
    let seed: UInt64
    let batch: [PrivateExample]
  }

  /// Says what the model's smoothness means for the attack, when there is something to say.
  func explainSmoothness() {
    guard AttackCatalog.searches(kind) else { return }
    let report = selected.model.smoothness(mode: selected.mode)
    guard !report.isSmooth else { return }
    Terminal.printNote(report.explanation)
  }

  /// Runs the jobs until all are done or the user presses Ctrl-C.
  func run(_ jobs: [Job]) throws -> [AuditOutcome] {
    let backend = CPUBackend(CPUBackend.Options(threadCount: output.threads))
    let progress = ProgressLine(isEnabled: !output.quiet)
    Interruption.listen()
    var configuration = try attack.configuration(kind, seed: attack.seed)
    var outcomes: [AuditOutcome] = []
    // Jobs of one seed follow each other; the weights of only one are held.
    var latest: (seed: UInt64, audit: SimulatedAudit)?
    if !defence.chain.isEmpty, let seed = jobs.first?.seed {
      let audit = makeAudit(seed: seed, backend)
      latest = (seed, audit)
      for job in jobs {
        try audit.check(defence.chain, job.batch, training: localTraining(of: job))
      }
    }
    for job in jobs {
      if latest?.seed != job.seed { latest = nil }
      let audit = latest?.audit ?? makeAudit(seed: job.seed, backend)
      latest = (job.seed, audit)
      configuration.seed = job.seed
      let finished = outcomes.map(\.timing.attackSeconds)
      let outcome = try audit.run(
        job.batch, configuration: configuration,
        training: try localTraining(of: job),
        startingImages: try startingImages(count: job.batch.count), defences: defence.chain,
        isAdaptive: defence.isAdaptive
      ) { state, psnr in
        progress.update {
          line(
            state, psnr: psnr(), job, configuration, finished: finished, count: jobs.count)
        }
        return Interruption.isRequested ? .stop(.interrupted) : .proceed
      }
      progress.clear()
      outcomes.append(outcome)
      if outcome.wasInterrupted || Interruption.isRequested { break }
    }
    return outcomes
  }

  /// What the clients do with a batch that is divided among them; nil where one gradient is shared.
  private func localTraining(of job: Job) throws -> LocalTraining? {
    guard let training else { return nil }
    guard let clients else { return try training.training(exampleCount: job.batch.count) }
    return try clients.training(training, exampleCount: job.batch.count / clients.clients)
  }

  /// The picture to start from, once for each image of a batch.
  private func startingImages(count: Int) throws -> Tensor? {
    guard let path = attack.start else { return nil }
    let model = selected.model
    let example = PrivateExample(
      name: path, picture: try Image(contentsOf: path), label: 0, inputShape: model.inputShape)
    return Tensor(
      Shape([count] + model.inputShape.dimensions),
      .f64((0..<count).flatMap { _ in example.image.doubles }))
  }

  private func makeAudit(seed: UInt64, _ backend: CPUBackend) -> SimulatedAudit {
    SimulatedAudit(
      selected.weighted(seed: seed), activation: selected.activation,
      weights: selected.weightsDescription(seed: seed), loss: loss, mode: selected.mode,
      backend: backend)
  }

  /// Attacks an update that a client shared, unless the user presses Ctrl-C first.
  func run(_ subject: UpdateAudit.Subject) throws -> AuditOutcome {
    let audit = UpdateAudit(
      selected.weighted(seed: attack.seed), activation: selected.activation,
      weights: selected.weightsDescription(seed: attack.seed), mode: selected.mode,
      backend: CPUBackend(CPUBackend.Options(threadCount: output.threads)))
    let check = audit.check(subject)
    for misfit in [check.misfit, check.truth?.misfit].compactMap(\.self) {
      Terminal.printNote(misfit.sentence, head: "warning: ")
    }
    let progress = ProgressLine(isEnabled: !output.quiet)
    Interruption.listen()
    let job = Job(name: subject.name, seed: attack.seed, batch: [])
    let configuration = try attack.configuration(kind, seed: attack.seed)
    let outcome = try audit.attack(
      subject, configuration: configuration,
      startingImages: try startingImages(count: subject.update.batchSize)
    ) { state, psnr in
      progress.update { line(state, psnr: psnr(), job, configuration, finished: [], count: 1) }
      return Interruption.isRequested ? .stop(.interrupted) : .proceed
    }
    progress.clear()
    if let misfit = outcome.record.misfit, misfit != check.misfit {
      Terminal.printNote(misfit.sentence, head: "warning: ")
    }
    return outcome
  }

  /// For instance "[2/7] chelsea  trial 1/5  812/6000  loss 2.1e-06  31 dB  1310/s  ETA 0:35":
  /// iterations, matching loss, PSNR, evaluations a second, and the estimated time left for all jobs.
  private func line(
    _ progress: AttackProgress, psnr: Double, _ job: Job, _ configuration: AttackConfiguration,
    finished: [Double], count: Int
  ) -> String {
    let solver = progress.solver
    let rate = Double(progress.evaluations) / max(progress.seconds, 1e-9)
    // One line of 80 columns.
    let name = job.name.count > 13 ? job.name.prefix(12) + "…" : job.name[...]
    let left = remaining(
      progress, rate: rate, iterations: configuration.iterations, finished: finished, count: count)
    return [
      "[\(finished.count + 1)/\(count)] \(name)",
      "trial \(progress.trial + 1)/\(configuration.trials)",
      "\(solver.iteration)/\(configuration.iterations)",
      String(format: "loss %.1e", solver.value),
      psnr.isNaN ? "" : String(format: "%.0f dB", psnr),
      String(format: "%.0f/s", rate),
      "ETA \(ProgressLine.clock(left))",
    ].filter { !$0.isEmpty }.joined(separator: "  ")
  }

  /// Estimated seconds left for all jobs. A job takes as long as the `finished` ones did on average;
  /// before there are any, or after that time, as if its present trial went to its limit.
  private func remaining(
    _ progress: AttackProgress, rate: Double, iterations: Int, finished: [Double], count: Int
  ) -> Double {
    let solver = progress.solver
    let perIteration = Double(solver.evaluations) / Double(max(solver.iteration, 1))
    let ofTrial = min(
      Double(max(iterations - solver.iteration, 0)) * perIteration / max(rate, 1e-9),
      (attack.timeLimit ?? .infinity) - progress.seconds)
    let average =
      finished.isEmpty
      ? progress.seconds + ofTrial : finished.reduce(0, +) / Double(finished.count)
    let ofJob = progress.seconds < average ? average - progress.seconds : ofTrial
    return ofJob + average * Double(count - finished.count - 1)
  }
}

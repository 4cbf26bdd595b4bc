import Attacks
import Clients
import Defences
import ModelIO
import Solvers
import Synchronization
import TensorGraph

/// An experiment on pictures whose files were read.
package struct PreparedPictures: PreparedExperiment {
  package let experiment: Experiment
  let runner: PictureRunner
  let subject: Subject
  /// [N, C, H, W] that a plan's search begins at; nil for none.
  let startingImages: Tensor?
  /// What the user should know of how files were understood, a sentence each.
  package let notes: [Sentence]
  /// For people and file names.
  package let name: String

  enum Subject: Sendable {
    /// A simulated client with its batch.
    case client([PrivateExample], ClientLoss)
    case update(UpdateAudit.Subject)
  }

  /// The private batch of a simulated client; empty for a client's update.
  package var batch: [PrivateExample] {
    if case .client(let batch, _) = subject { batch } else { [] }
  }

  /// What a client shared, as its file has it; nil of a simulated client.
  package var sharedUpdate: SharedUpdate? {
    if case .update(let subject) = subject { subject.update } else { nil }
  }

  package var isSimulated: Bool {
    if case .client = subject { true } else { false }
  }

  /// A little more than what counts as recognisable; a dull picture looks like a grey one.
  package var provenScore: Double {
    let grey = batch.map { example in
      ImageMetrics.peakSignalToNoiseRatio(
        Tensor(example.image.shape, .f64, repeating: 0.5), example.image)
    }
    return max(
      LeakThreshold.recognisablePSNR, (grey.max() ?? 0) + LeakThreshold.marginOverGrey)
      + PreparedPictures.margin
  }

  /// dB beyond what counts as recognisable.
  private static let margin = 1.0

  package func varied(_ change: (inout Experiment) -> Void) -> PreparedPictures {
    var experiment = experiment
    change(&experiment)
    return PreparedPictures(
      experiment: experiment, runner: runner, subject: subject, startingImages: startingImages,
      notes: notes, name: name)
  }

  package func check() throws {
    guard case .client(let batch, let loss) = subject, !experiment.defences.isEmpty else { return }
    try SimulatedAudit.check(
      experiment.defences, batch,
      training: try runner.training(of: experiment), model: runner.selected.model, loss,
      runner.selected.mode, data: experiment.data.kind)
  }

  package func fit() throws(AttackError) -> (misfit: UpdateMisfit?, truth: TruthCheck?) {
    guard case .update(let subject) = subject else { return (nil, nil) }
    return try runner.audit(seed: experiment.attack.seed).check(subject)
  }

  /// What is shared: by the simulated client behind its defences, or as a client's file has it.
  ///
  /// - Throws: as ``run(observe:)``.
  func update() throws -> SharedUpdate {
    switch subject {
    case .client(let batch, let loss):
      try SimulatedAudit(runner.audit(seed: experiment.attack.seed), loss).share(
        batch, experiment.attack, training: try runner.training(of: experiment),
        defences: experiment.defences, data: experiment.data.kind
      ).update.update
    case .update(let subject): subject.update
    }
  }

  /// Writes what the client shares under its parameters' names: the gradient, or after local steps the difference of
  /// weights, after minus before.
  ///
  /// - Throws: as ``run(observe:)``; `FileError` when the path cannot be written.
  package func writeUpdate(to path: String) throws {
    let weighted = runner.audit(seed: experiment.attack.seed).weighted
    let update = try update()
    try Safetensors.write(
      Dictionary(
        uniqueKeysWithValues: zip(
          weighted.model.parameters.map(\.name), update.sent(from: weighted))
      ),
      metadata: ["gradleak": GradleakVersion.current, "loss": update.loss.description], to: path,
      isPrivate: true)
  }

  package func run(observe: (ExperimentProgress) -> SolverDecision) throws -> AuditOutcome {
    let audit = runner.audit(seed: experiment.attack.seed)
    func tell(_ progress: AttackProgress, _ found: UpdateAudit.Glimpse) -> SolverDecision {
      observe(ExperimentProgress(progress, score: found.score, pictures: found.pictures))
    }
    var outcome: AuditOutcome
    switch subject {
    case .client(let batch, let loss):
      outcome = try SimulatedAudit(audit, loss).run(
        batch, configuration: experiment.attack,
        training: try runner.training(of: experiment), startingImages: startingImages,
        defences: experiment.defences,
        isAdaptive: experiment.isAdaptive, data: experiment.data.kind, observe: tell)
    case .update(let subject):
      outcome = try audit.attack(
        subject, configuration: experiment.attack, startingImages: startingImages,
        observe: tell)
    }
    outcome.record.experiment = experiment
    return outcome
  }
}

/// Experiments on pictures of one model.
package final class PictureRunner: ExperimentRunner {
  package let selected: SelectedModel
  package let backend: any Backend
  /// The model with the weights of one seed at a time, which are hashed for its records.
  private let latest = Mutex<(seed: UInt64, audit: UpdateAudit)?>(nil)

  /// - Parameter selected: the model of all experiments; see ``ModelChoice/select(mode:batchSizes:for:)``.
  package init(_ selected: SelectedModel, backend: any Backend) {
    self.selected = selected
    self.backend = backend
  }

  package var drawsWeights: Bool { selected.drawsWeights }
  package var notes: [Sentence] { selected.notes }

  package func labelled(_ experiment: Experiment) throws -> Experiment {
    try experiment.labelled(for: selected)
  }

  // MARK: - Reading

  package func prepare(
    _ experiment: Experiment, names: [String]?
  ) throws -> any PreparedExperiment {
    try prepare(experiment, names: names, pictures: nil)
  }

  /// The same as ``prepare(_:names:)``.
  ///
  /// - Parameter pictures: the pictures where they were read before, whose labels do not count.
  package func prepare(
    _ experiment: Experiment, names: [String]? = nil, pictures: [PrivateExample]?
  ) throws -> PreparedPictures {
    let data = experiment.data
    let loss = try experiment.loss.clientLoss(of: selected)
    let given = try data.labels.map {
      try loss.labels($0, of: selected.model)
    }
    let count = experiment.batchSize
    if let labels = given?.labels, labels.count != count {
      throw ExperimentError(
        "data.labels", "has \(labels.count) of them for \(count) examples; give one for each")
    }
    if data.update == nil || !data.pictures.isEmpty {
      // Beside an update one file may hold the whole batch.
      let isOneFile = data.update != nil && data.pictures.count == 1
      guard data.pictures.count == count || isOneFile, data.turns?.count ?? count == count,
        count > 0
      else {
        throw ExperimentError(
          "data.pictures",
          "has \(data.pictures.count) pictures for a batch of \(count); give one for each image")
      }
      let arePhotographs = data.pictures.contains { !PictureFile($0, as: data.readAs).isOfTensors }
      try checkPictures(selected.model, arePhotographs: arePhotographs, haveMasks: true)
    } else {
      try checkPictures(selected.model, arePhotographs: false, haveMasks: true)
    }
    let read = try pictures ?? read(data, names)
    if !data.pictures.isEmpty, read.count != count {
      throw ExperimentError(
        "data.pictures",
        "has \(read.count) pictures for a batch of \(count); give one for each image")
    }
    let examples = read.enumerated().map { index, picture in
      (given?.labels[index]).map { picture.labelled($0.classes, note: $0.note) } ?? picture
    }
    guard data.update != nil || given != nil else {
      throw ExperimentError("data.labels", "is missing; give one for each picture")
    }
    return try prepare(
      experiment, examples: examples, labels: given?.labels.flatMap(\.classes),
      loss: given?.loss ?? loss)
  }

  /// Reads an experiment whose inputs were made before: of pictures, or of other data as a model takes them.
  ///
  /// - Parameters:
  ///   - examples: the private batch, or what an update is measured by; empty where that is not known.
  ///   - labels: of a simulated client, or those that the attacker of an update knows.
  ///   - loss: whose the labels are.
  func prepare(
    _ experiment: Experiment, examples: [PrivateExample], labels: [Int]?, loss: ClientLoss
  ) throws -> PreparedPictures {
    if let update = experiment.data.update {
      return try prepare(experiment, update, examples, labels, loss)
    }
    return PreparedPictures(
      experiment: experiment, runner: self, subject: .client(examples, loss),
      startingImages: try startingImages(of: experiment),
      notes: [try training(of: experiment)?.lossNote()].compactMap(\.self),
      name: examples.map(\.name).joined(separator: "+"))
  }

  private func read(
    _ data: ExperimentData, _ names: [String]?
  ) throws(FileError) -> [PrivateExample] {
    let names = names ?? PictureNames.unique(data.pictures, outputFolder: nil)
    var examples: [PrivateExample] = []
    for (index, path) in data.pictures.enumerated() {
      let (file, shape) = (PictureFile(path, as: data.readAs), selected.model.inputShape)
      let read =
        data.update == nil
        ? [try file.example(name: names[index], label: nil, inputShape: shape)]
        : try file.examples(name: names[index], inputShape: shape)
      examples += read.map { $0.mirrored(turn: data.turns?[index] ?? 0) }
    }
    return examples
  }

  private func prepare(
    _ experiment: Experiment, _ update: UpdateChoice, _ truth: [PrivateExample],
    _ known: [Int]?, _ loss: ClientLoss
  ) throws -> PreparedPictures {
    guard experiment.defences.isEmpty else {
      throw ExperimentError(
        "defences", "is what a simulated client does, and an update comes from a real one")
    }
    let weighted = audit(seed: experiment.attack.seed).weighted
    var reading = UpdateReading(
      kind: update.kind, learningRate: experiment.client.learningRate,
      training: try training(of: experiment), startingWeights: weighted.parameters,
      batchSize: experiment.batchSize, loss: loss,
      renamings: try experiment.model.tensorRenamings())
    reading.order = selected.order
    var file = try UpdateFile(
      contentsOf: update.file, for: selected.model, wanted: selected.wanted, reading)
    let ending = file.chooseEnding(selected.ending, weighted)
    let lost = file.update.training?.lossNote(
      isExact: file.update.undoingFirstStep(from: weighted.parameters) != nil)
    let name = PictureNames.safe(fileStem(update.file))
    let seen = try update.seen.map { try SeenElements.read($0, of: file, selected.model) }
    return PreparedPictures(
      experiment: experiment, runner: self,
      subject: .update(
        UpdateAudit.Subject(
          update: file.update, truth: truth.isEmpty ? nil : truth, name: name, knownLabels: known,
          kind: (update.kind.isOfWeights ? UpdateKind.difference : .gradient).rawValue,
          counterAttack: seen.map { CounterAttack(seen: $0, of: file.update) } ?? .none)),
      startingImages: try startingImages(of: experiment),
      notes: [lost, ending.map { Sentence($0) }].compactMap(\.self) + file.matching.explanations
        + file.notes, name: name)
  }

  /// The picture to start from, once for each image of a batch.
  private func startingImages(of experiment: Experiment) throws -> Tensor? {
    guard let start = experiment.start else { return nil }
    guard experiment.attack.plan?.initialization.kind == .given else {
      throw ExperimentError(
        "start",
        "is for an optimisation attack whose plan has initialization.kind=given; leave it out")
    }
    let model = selected.model
    let example = PrivateExample(
      name: start, picture: try Image(contentsOf: start), label: 0, inputShape: model.inputShape)
    let count = experiment.batchSize
    return Tensor(
      Shape([count] + model.inputShape.dimensions),
      .f64((0..<count).flatMap { _ in example.image.doubles }))
  }

  /// How the clients train; nil where one client's gradient is shared.
  func training(of experiment: Experiment) throws -> LocalTraining? {
    try experiment.client.training(
      exampleCount: experiment.batchSize, for: selected.model.parameters)
  }

  /// The audit of the model with the weights of a seed.
  func audit(seed: UInt64) -> UpdateAudit {
    latest.withLock { latest in
      if let latest, latest.seed == seed { return latest.audit }
      // The former weights go before others come.
      latest = nil
      let audit = UpdateAudit(
        selected.weighted(seed: seed), activation: selected.activation,
        weights: selected.weightSource(seed: seed), mode: selected.mode, backend: backend)
      latest = (seed, audit)
      return audit
    }
  }
}

import Leakage
import ModelIO
import TensorGraph

/// An experiment whose files were read.
public struct PreparedExperiment: Sendable {
  public let experiment: Experiment
  let subject: Subject
  /// [N, C, H, W] that a plan's search begins at; nil for none.
  let startingImages: Tensor?
  /// What the user should know of how files were understood, a sentence each.
  public let notes: [Sentence]
  /// For people and file names.
  public let name: String

  enum Subject: Sendable {
    /// A simulated client with its batch.
    case client([PrivateExample], ClientLoss)
    case update(UpdateAudit.Subject)
  }

  /// The private batch of a simulated client; empty for a client's update.
  public var batch: [PrivateExample] {
    if case .client(let batch, _) = subject { batch } else { [] }
  }

  /// The same data under another attack or other defences.
  public func varied(_ change: (inout Experiment) -> Void) -> PreparedExperiment {
    var experiment = experiment
    change(&experiment)
    return PreparedExperiment(
      experiment: experiment, subject: subject, startingImages: startingImages, notes: notes,
      name: name)
  }
}

/// Runs experiments on one model, one after another.
public struct ExperimentRunner: Sendable {
  public let selected: SelectedModel
  private let backend: any Backend
  /// The model with the weights of one seed at a time, which are hashed for its records.
  private var latest: (seed: UInt64, audit: UpdateAudit)?

  /// - Parameter selected: the model of all experiments; see ``ModelChoice/select(mode:batchSizes:for:)``.
  public init(_ selected: SelectedModel, backend: any Backend) {
    self.selected = selected
    self.backend = backend
  }

  // MARK: - Reading

  /// Reads an experiment's files.
  ///
  /// - Parameters:
  ///   - names: of the pictures, for tables and file names; made of their paths where nil.
  ///   - pictures: the pictures where they were read before, whose labels do not count.
  /// - Throws: ``FileError`` when a file cannot be read, ``ExperimentError`` or ``AttackError`` when members do
  ///   not fit the data or each other.
  public mutating func prepare(
    _ experiment: Experiment, names: [String]? = nil, pictures: [PrivateExample]? = nil
  ) throws -> PreparedExperiment {
    let data = experiment.data
    let loss = try experiment.loss.clientLoss(of: selected)
    let given = try data.labels.map {
      try loss.labels($0, classCount: selected.model.classCount)
    }
    let count = experiment.batchSize
    if let labels = given?.labels, labels.count != count {
      throw ExperimentError(
        "data.labels", "has \(labels.count) of them for \(count) images; give one for each")
    }
    if data.update == nil || !data.pictures.isEmpty {
      guard data.pictures.count == count, data.turns?.count ?? count == count, count > 0 else {
        throw ExperimentError(
          "data.pictures",
          "has \(data.pictures.count) pictures for a batch of \(count); give one for each image")
      }
      try checkPictures(selected.model)
    } else {
      try checkPictures(selected.model, arePhotographs: false)
    }
    let examples = try (pictures ?? read(data, names)).enumerated().map { index, picture in
      (given?.labels[index]).map(picture.labelled) ?? picture
    }
    if let update = data.update {
      return try prepare(experiment, update, examples, given?.labels, given?.loss ?? loss)
    }
    guard let given else {
      throw ExperimentError("data.labels", "is missing; give one for each picture")
    }
    return PreparedExperiment(
      experiment: experiment, subject: .client(examples, given.loss),
      startingImages: try startingImages(of: experiment), notes: [],
      name: examples.map(\.name).joined(separator: "+"))
  }

  private func read(
    _ data: ExperimentData, _ names: [String]?
  ) throws(FileError) -> [PrivateExample] {
    let names = names ?? PictureNames.unique(data.pictures, outputFolder: nil)
    var examples: [PrivateExample] = []
    for (index, path) in data.pictures.enumerated() {
      examples.append(
        try PictureFile(path, as: data.readAs).example(
          name: names[index], label: nil, inputShape: selected.model.inputShape
        ).mirrored(turn: data.turns?[index] ?? 0))
    }
    return examples
  }

  private mutating func prepare(
    _ experiment: Experiment, _ update: UpdateChoice, _ truth: [PrivateExample],
    _ known: [Int]?, _ loss: ClientLoss
  ) throws -> PreparedExperiment {
    guard experiment.defences.isEmpty else {
      throw ExperimentError(
        "defences", "is what a simulated client does, and an update comes from a real one")
    }
    let weighted = audit(seed: experiment.attack.seed).weighted
    var file = try UpdateFile(
      contentsOf: update.file, for: selected.model, wanted: selected.wanted,
      UpdateReading(
        kind: update.kind, learningRate: experiment.client.learningRate,
        training: try experiment.client.training(exampleCount: experiment.batchSize),
        startingWeights: weighted.parameters, batchSize: experiment.batchSize, loss: loss,
        renamings: try experiment.model.tensorRenamings()))
    let ending = file.chooseEnding(selected.ending, weighted)
    let name = PictureNames.safe(fileStem(update.file))
    return PreparedExperiment(
      experiment: experiment,
      subject: .update(
        UpdateAudit.Subject(
          update: file.update, truth: truth.isEmpty ? nil : truth, name: name, knownLabels: known,
          kind: update.kind.rawValue)),
      startingImages: try startingImages(of: experiment),
      notes: [ending].compactMap { $0.map { Sentence($0) } } + file.matching.explanations
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

  private mutating func audit(seed: UInt64) -> UpdateAudit {
    if let latest, latest.seed == seed { return latest.audit }
    // The former weights go before others come.
    latest = nil
    let audit = UpdateAudit(
      selected.weighted(seed: seed), activation: selected.activation,
      weights: selected.weightsDescription(seed: seed), mode: selected.mode, backend: backend)
    latest = (seed, audit)
    return audit
  }

  // MARK: - Running

  /// Whether a simulated client can apply its defences; to be asked of all experiments before the first one runs.
  ///
  /// - Throws: ``AttackError`` with the defence that cannot act, and why.
  public func check(_ prepared: PreparedExperiment) throws {
    guard case .client(let batch, let loss) = prepared.subject,
      !prepared.experiment.defences.isEmpty
    else { return }
    try SimulatedAudit.check(
      prepared.experiment.defences, batch,
      training: try prepared.experiment.client.training(exampleCount: batch.count),
      model: selected.model, loss, selected.mode)
  }

  /// What can be said of a client's update before it is attacked: whether it can be this model's as it was
  /// described, and whether the true images have it. Nothing of simulated clients.
  ///
  /// - Throws: ``AttackError`` when the backend fails.
  public mutating func fit(
    of prepared: PreparedExperiment
  ) throws(AttackError) -> (misfit: UpdateMisfit?, truth: TruthCheck?) {
    guard case .update(let subject) = prepared.subject else { return (nil, nil) }
    return try audit(seed: prepared.experiment.attack.seed).check(subject)
  }

  /// Runs an experiment.
  ///
  /// - Parameter observe: called after every iteration of a search with the progress and the mean PSNR in dB
  ///   over the batch, which the attacker cannot see; NaN where the truth is not known.
  /// - Throws: ``AttackError`` when the attack or a defence does not apply.
  public mutating func run(
    _ prepared: PreparedExperiment,
    observe: (AttackProgress, () -> Double) -> SolverDecision = { _, _ in .proceed }
  ) throws -> AuditOutcome {
    let experiment = prepared.experiment
    let audit = audit(seed: experiment.attack.seed)
    var outcome: AuditOutcome
    switch prepared.subject {
    case .client(let batch, let loss):
      outcome = try SimulatedAudit(audit, loss).run(
        batch, configuration: experiment.attack,
        training: try experiment.client.training(exampleCount: batch.count),
        startingImages: prepared.startingImages, defences: experiment.defences,
        isAdaptive: experiment.isAdaptive, observe: observe)
    case .update(let subject):
      outcome = try audit.attack(
        subject, configuration: experiment.attack, startingImages: prepared.startingImages,
        observe: observe)
    }
    outcome.record.experiment = experiment
    return outcome
  }
}

extension Experiment {
  /// The model, for batches of this experiment.
  ///
  /// - Throws: as ``ModelChoice/select(mode:batchSizes:for:)``.
  public func selectedModel() throws -> SelectedModel {
    guard batchSize > 0 else {
      throw ExperimentError("data", "has neither pictures nor an update; give one of them")
    }
    return try model.select(mode: mode, batchSizes: [batchSize])
  }

  /// The experiment with the labels that the client's pictures get where none are given: drawn from the seed.
  public func labelled(for selected: SelectedModel) throws -> Experiment {
    guard data.labels == nil, data.update == nil else { return self }
    let count = try loss.clientLoss(of: selected).labelCount(
      classCount: selected.model.classCount)
    var labels = RandomSource(seed: attack.seed).derive(label: "labels")
    var result = self
    result.data.labels = data.pictures.map { _ in
      ExampleLabel(String(labels.integer(below: count)))
    }
    return result
  }

  /// The same with at most `size` of the pictures and their labels each; the last one has the rest.
  public func divided(into size: Int) -> [Experiment] {
    stride(from: 0, to: data.pictures.count, by: size).map { start in
      let range = start..<min(start + size, data.pictures.count)
      var part = self
      part.data.pictures = Array(data.pictures[range])
      part.data.labels = data.labels.map { Array($0[range]) }
      part.data.turns = data.turns.map { Array($0[range]) }
      return part
    }
  }

  /// Runs the experiment.
  ///
  /// - Parameter observing: as of ``ExperimentRunner/run(_:observe:)``.
  /// - Throws: as ``ExperimentRunner/prepare(_:names:)`` and ``ExperimentRunner/run(_:observe:)``.
  public func run(
    on backend: any Backend,
    observing: (AttackProgress, () -> Double) -> SolverDecision = { _, _ in .proceed }
  ) throws -> AuditOutcome {
    let selected = try selectedModel()
    var runner = ExperimentRunner(selected, backend: backend)
    return try runner.run(try runner.prepare(try labelled(for: selected)), observe: observing)
  }
}

import Attacks
import Clients
import Defences
import ModelIO
import Solvers
import TensorGraph
import Texts

/// An experiment on texts whose files were read.
package struct PreparedTexts: PreparedExperiment {
  package let experiment: Experiment
  let runner: TextRunner
  /// The private texts, where they are known.
  let truth: [PrivateText]
  /// What a client shared; nil for a simulated client.
  let update: TextUpdate?
  package let notes: [Sentence]
  package let name: String

  package var isSimulated: Bool { update == nil }
  /// Texts are exact or not: nothing short of all of them ends an attack.
  package var provenScore: Double { .infinity }

  package func varied(_ change: (inout Experiment) -> Void) -> PreparedTexts {
    var experiment = experiment
    change(&experiment)
    return PreparedTexts(
      experiment: experiment, runner: runner, truth: truth, update: update, notes: notes,
      name: name)
  }

  package func check() throws {
    guard update == nil else { return }
    let selected = try runner.selected(seed: experiment.attack.seed)
    try client(of: selected).check(batchSize: truth.count, of: selected.model)
  }

  package func fit() -> (misfit: UpdateMisfit?, truth: TruthCheck?) { (nil, nil) }

  package func run(observe: (ExperimentProgress) -> SolverDecision) throws -> AuditOutcome {
    let selected = try runner.selected(seed: experiment.attack.seed)
    var (attacked, defence) = (update, DefenceSummary?.none)
    if attacked == nil {
      let shared = try share(selected)
      attacked = shared.update
      defence = shared.defended.map {
        DefenceSummary(experiment.defences, $0, isAdaptive: experiment.isAdaptive)
      }
    }
    guard let attacked else { throw AttackError("there is no update to attack") }
    try checkNorm(of: attacked)
    let result = try attack(attacked, selected, observe)
    var record = try TextRecords(self, selected, prior: runner.prior, update: attacked, result)
      .record(defence)
    record.device = runner.backend.provenance
    return AuditOutcome(
      record: record,
      timing: RunTiming(
        compileSeconds: 0, attackSeconds: result.seconds,
        evaluationsPerSecond: Double(result.evaluations) / max(result.seconds, 1e-9)),
      wasInterrupted: result.wasInterrupted)
  }

  /// What the client shares; nothing is attacked.
  ///
  /// - Throws: ``AttackError`` when the texts do not fit the model, or a defence cannot act.
  package func sharedUpdate() throws -> TextUpdate {
    if let update { return update }
    return try share(try runner.selected(seed: experiment.attack.seed)).update
  }

  /// Writes what the client shares, as a client would save it.
  ///
  /// - Throws: as ``sharedUpdate()``; ``FileError`` when the path cannot be written.
  package func writeUpdate(to path: String) throws {
    let update = try sharedUpdate()
    let selected = try runner.selected(seed: experiment.attack.seed)
    try update.write(to: path, weights: selected.decayingWeights(update.training))
  }

  private func checkNorm(of update: TextUpdate) throws(AttackError) {
    guard update.squaredNorm == 0, isSimulated ? experiment.defences.isEmpty : true else { return }
    throw AttackError(
      isSimulated
        ? "the client's update is exactly zero, so there is nothing to attack, and nothing is shown of other "
          + "texts: a head with one class has no loss to learn from (the softmax of one logit is 1); give "
          + "the head at least two classes"
        : "the update is exactly zero: it carries nothing about the texts, and nothing is shown to be safe; give "
          + "the update that the client shared")
  }

  // MARK: - The client

  private func client(of selected: SelectedTextModel) throws -> TextClient {
    TextClient(
      training: try experiment.client.training(
        exampleCount: experiment.batchSize, for: selected.model.parameters),
      adapters: selected.adapters, defences: experiment.defences,
      isDefenceKnown: experiment.isAdaptive, seed: experiment.attack.seed)
  }

  private func share(
    _ selected: SelectedTextModel
  ) throws -> (update: TextUpdate, defended: DefendedUpdate?) {
    let names = selected.model.names
    let frozen: Set<String> =
      experiment.client.freezesEmbeddings
      ? Set(
        [names.tokenEmbedding, names.positionEmbedding]
          + [names.segmentEmbedding].compactMap(\.self)) : []
    let batch = try privateBatch(selected)
    let client = try client(of: selected)
    let dtype = experiment.attack.precision.dtype
    guard client.isPlain(of: selected.model) else {
      return try selected.weighted.share(
        batch, by: client, frozen: frozen, dtype: dtype, backend: runner.backend)
    }
    return (
      try selected.weighted.share(batch, dtype: dtype, backend: runner.backend)
        .withholding(frozen), nil
    )
  }

  /// The batch with its labels. A masked language model is asked for 15 % of the tokens, at least one:
  /// four of five are masked, of the rest half are replaced by a random token and half stay as they are,
  /// as in BERT's training (Devlin et al. 2019, arXiv 1810.04805, section 3.1).
  func privateBatch(_ selected: SelectedTextModel) throws(AttackError) -> TextBatch {
    let tokens = truth.map(\.tokens)
    let tokenizer = selected.tokenizer
    switch selected.model.configuration.head {
    case .classification:
      return TextBatch(tokens: tokens, labels: privateLabels(selected.model))
    case .languageModel: return TextBatch(tokens: tokens, labels: .nextTokens)
    case .maskedLanguageModel:
      guard let mask = tokenizer.id(of: "[MASK]") else {
        throw AttackError(
          "the tokenizer has no [MASK] token, which a masked language model needs; give the model another "
            + "head, such as classification")
      }
      var source = RandomSource(seed: experiment.attack.seed).derive(label: "masking")
      var masked = tokens
      let vocabulary = selected.model.configuration.vocabularySize
      let labels = tokens.indices.map { row -> [Int?] in
        let first = tokenizer.prefix.count
        let count = tokens[row].count - first - tokenizer.suffix.count
        let chosen = source.permutation(of: count).prefix(max(count * 15 / 100, 1))
        var labels = [Int?](repeating: nil, count: tokens[row].count)
        for place in chosen {
          labels[first + place] = tokens[row][first + place]
          let share = source.uniform()
          if share < 0.8 {
            masked[row][first + place] = mask
          } else if share < 0.9 {
            masked[row][first + place] = source.integer(below: vocabulary)
          }
        }
        return labels
      }
      return TextBatch(tokens: masked, labels: .masked(labels))
    }
  }

  /// A class for each text, or the numbers that the model's loss compares its logits with: 0 and 1 with equal
  /// chances for several labels, normal ones for a regression.
  private func privateLabels(_ model: TextModel) -> TextBatch.Labels {
    let seed = experiment.attack.seed
    func values(_ draw: (inout RandomSource) -> Double) -> TextBatch.Labels {
      .values(
        truth.map { text in
          var source = RandomSource(seed: seed).derive(label: "targets of \(text.tokens)")
          return (0..<model.labelClasses).map { _ in draw(&source) }
        })
    }
    switch model.configuration.loss {
    case .crossEntropy: return .classes(truth.map { $0.label ?? 0 })
    case .multiLabel: return values { Double($0.integer(below: 2)) }
    case .regression: return values { $0.normal() }
    }
  }

  // MARK: - The attacker

  /// Whether the attacker is told the lengths of the texts, as the papers' searches are.
  var grantsLengths: Bool {
    isSimulated
      && TextAttackKind(rawValue: experiment.attack.attack.rawValue)?.descriptor.searches == true
      && experiment.attack.unknown?.contains(.textLengths) != true
  }

  private func attack(
    _ update: TextUpdate, _ selected: SelectedTextModel,
    _ observe: (ExperimentProgress) -> SolverDecision
  ) throws(AttackError) -> TextAttackResult {
    let settings = experiment.attack
    let tokenizer = selected.tokenizer
    let configuration = TextAttackConfiguration(
      attack: try TextAttackKind(named: settings.attack.rawValue), precision: settings.precision,
      seed: settings.seed, iterations: settings.iterations, timeLimit: settings.timeLimit,
      beginning: tokenizer.prefix, ending: tokenizer.suffix,
      specialTokens: tokenizer.specialTokens, maskToken: tokenizer.id(of: "[MASK]"),
      lengths: grantsLengths ? truth.map(\.tokens.count) : nil, unknown: Set(settings.unknown ?? [])
    )
    let inversion = TextInversion(
      selected.weighted, update: update, configuration: configuration, prior: runner.prior,
      isDefended: !experiment.defences.isEmpty, backend: runner.backend)
    let clock = ContinuousClock()
    let start = clock.now
    let result = withoutActuallyEscaping(observe) { observe in
      Result { () throws(AttackError) in
        try inversion.run { progress in
          observe(ExperimentProgress(progress, seconds: (clock.now - start).seconds, tokenizer))
        }
      }
    }
    return try result.get()
  }
}

extension ExperimentProgress {
  /// - Parameter seconds: since the attack began.
  fileprivate init(_ progress: TextAttackProgress, seconds: Double, _ tokenizer: Tokenizer) {
    self.init(
      AttackProgress(
        trial: 0,
        solver: SolverProgress(
          iteration: progress.step, evaluations: progress.step, value: progress.loss ?? .nan,
          gradientNorm: .nan),
        evaluations: progress.step, seconds: seconds),
      stage: progress.stage, steps: progress.steps > 0 ? progress.steps : nil,
      score: { .nan }, texts: { progress.texts.map { tokenizer.decode($0) } })
  }
}

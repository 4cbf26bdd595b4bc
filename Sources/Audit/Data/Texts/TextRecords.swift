import Leakage
import ModelIO
import TensorGraph

/// Makes the record of an attack on texts.
struct TextRecords {
  private let experiment: Experiment
  private let prepared: PreparedTexts
  private let selected: SelectedTextModel
  private let prior: LanguagePrior?
  private let update: TextUpdate
  private let result: TextAttackResult
  private var tokenizer: Tokenizer { selected.tokenizer }

  init(
    _ prepared: PreparedTexts, _ selected: SelectedTextModel, prior: LanguagePrior?,
    update: TextUpdate, _ result: TextAttackResult
  ) {
    experiment = prepared.experiment
    (self.prepared, self.selected, self.prior) = (prepared, selected, prior)
    (self.update, self.result) = (update, result)
  }

  /// - Parameter defence: what the client did to its update; nil for nothing.
  func record(_ defence: DefenceSummary?) throws(AttackError) -> RunRecord {
    var record = RunRecord(
      tool: GradleakVersion.current, configuration: experiment.attack, model: selected.summary,
      update: summary, threatModel: threatModel, trials: [trial], bestTrial: 0,
      matchingLoss: (result.relativeDistance ?? .nan) * update.squaredNorm,
      trace: result.snapshots.map {
        TracePoint(
          trial: 0, iteration: $0.iteration, evaluations: 0, matchingLoss: $0.loss, psnr: nil)
      }, diagnosis: result.diagnosis, defence: defence,
      skipped: result.skipped.isEmpty ? nil : result.skipped)
    record.kind = .texts
    record.experiment = experiment
    record.method = result.method.rawValue
    record.relativeDistance = result.relativeDistance.map { JSONNumber($0) }
    record.isCertain = result.isCertain
    record.text = details
    record.examples =
      prepared.truth.isEmpty
      ? recovered
      : try TextScores(
        prepared, selected, result
      ).examples()
    return record
  }

  private var trial: TrialRecord {
    let iterations = result.snapshots.last?.iteration ?? 0
    let reason: StopReason =
      if result.wasInterrupted {
        .interrupted
      } else if result.wasCutShort {
        .timeLimit
      } else if result.isCertain {
        .solved
      } else {
        iterations >= experiment.attack.iterations ? .iterationLimit : .converged
      }
    return TrialRecord(
      method: result.method.rawValue, reason: reason, iterations: iterations,
      evaluations: result.evaluations,
      matchingLoss: (result.relativeDistance ?? .nan) * update.squaredNorm)
  }

  private var summary: UpdateSummary {
    let named = [update.gradients, update.adapterGradients, update.reductionGradients].flatMap {
      tensors in tensors.sorted { $0.key < $1.key }.map { (name: $0.key, tensor: $0.value) }
    }
    let kind =
      experiment.data.update?.kind ?? (update.training == nil ? .gradient : .difference)
    let isComplete = update.gradients.count == selected.model.parameters.count
    return UpdateSummary(
      kind: kind.rawValue, loss: selected.model.effectiveLoss.rawValue,
      batchSize: update.batchSize, localSteps: update.training?.stepsPerClient ?? 1,
      norm: update.squaredNorm.squareRoot(), fingerprint: Fingerprint.of(named),
      sharedTensors: isComplete ? nil : named.count,
      training: update.training.map { "\($0)" })
  }

  private var threatModel: ThreatModel {
    var known: Set<ThreatModel.Fact> = [
      .architecture, .weights, .lossFunction, .batchSize, .tokenizer,
    ]
    if prepared.grantsLengths { known.insert(.textLengths) }
    if prior != nil { known.insert(.languageModel) }
    if update.training != nil { known.insert(.localTraining) }
    let clients = experiment.client.count > 1 ? experiment.client.count : nil
    if clients != nil { known.insert(.clients) }
    let isOrderKnown = update.training?.isOrderKnown ?? true
    return ThreatModel(
      attacker: experiment.attack.attacker ?? .honestButCuriousServer, known: known,
      localSteps: update.training?.stepsPerClient ?? 1, clients: clients,
      withheld: Set(experiment.attack.unknown ?? []).union(isOrderKnown ? [] : [.miniBatchOrder]),
      category: result.method.category(
        hasPrior: prior != nil, followsTraining: update.training != nil))
  }

  private var details: TextDetails {
    var details = TextDetails(head: selected.model.configuration.head.name)
    details.frozenParameters = selected.model.parameters.count - update.gradients.count
    details.adapterRank = update.adapters?.rank
    details.bagOfWords = result.bag.map { $0.tokens.compactMap { tokenizer.token(of: $0) } }
    details.span = result.span.map {
      TextDetails.Span(
        firstRank: $0.firstRank, secondRank: $0.secondRank, width: $0.width,
        rankConditionHolds: $0.holds, tokensChecked: $0.tokensChecked, positions: $0.positions)
    }
    details.prior = prior.map { prior in
      "a language model as prior, "
        + (prior.sharesVocabulary
          ? "with the same vocabulary" : "for which texts are decoded and encoded again")
    }
    let course = result.snapshots.map { snapshot in
      TextDetails.Step(
        iteration: snapshot.iteration, loss: snapshot.loss,
        texts: snapshot.texts.map { tokenizer.decode($0) })
    }
    details.course = course.isEmpty ? nil : course
    return details
  }

  /// What came back where nobody knows the originals. Without a text each of the batch stands there as not
  /// recovered.
  private var recovered: [ExampleResult] {
    (0..<max(result.texts.count, update.batchSize)).map { index in
      let tokens = result.texts.indices.contains(index) ? result.texts[index] : []
      let suffix = update.batchSize > 1 ? "-\(index + 1)" : ""
      var example = ExampleResult(
        name: prepared.name + suffix, recovered: tokenizer.decode(tokens))
      example.recoveredTokens = tokens
      example.recoveredParts = parts(tokens, layout: index)
      example.recoveredLabel = result.label(index)
      return example
    }
  }

  /// The texts of a pair, one by one; nil for a single text.
  private func parts(_ tokens: [Int], layout index: Int) -> [String]? {
    guard result.layouts.indices.contains(index), let segments = result.layouts[index].segments
    else { return nil }
    return Set(segments).sorted().map { segment in
      tokenizer.decode(zip(tokens, segments).filter { $0.1 == segment }.map(\.0))
    }
  }
}

extension TextAttackResult {
  /// The label of a recovered text: a class, or numbers with colons between them; nil where none was found.
  func label(_ index: Int?) -> ExampleLabel? {
    guard let index else { return nil }
    if let classes, classes.indices.contains(index) { return ExampleLabel(String(classes[index])) }
    guard let targets, targets.indices.contains(index) else { return nil }
    return ExampleLabel(targets: targets[index])
  }
}

extension ExampleLabel {
  /// Numbers that a loss compares logits with.
  init(targets: [Double]) {
    self.init(targets.map { "\($0)" }.joined(separator: ":"))
  }
}

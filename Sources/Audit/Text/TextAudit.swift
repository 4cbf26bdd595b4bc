import Leakage
import ModelIO
import TensorGraph

/// Attacks updates of one language model, captured or simulated, and makes records of what came back.
public struct TextAudit: Sendable {
  private let weighted: WeightedTextModel
  private let tokenizer: Tokenizer
  private let weights: String
  private let backend: any Backend
  /// Tokens that an attacker would guess first.
  private let frequentTokens: [Int]
  private let prior: LanguagePrior?

  /// - Parameters:
  ///   - weights: how the weights came about, for the record.
  ///   - frequentTokens: of the language, for the baseline; the most frequent of the texts by default.
  ///   - prior: tells LAMP which texts are likely.
  public init(
    _ weighted: WeightedTextModel, tokenizer: Tokenizer, weights: String,
    frequentTokens: [Int] = [], prior: LanguagePrior? = nil, backend: any Backend
  ) {
    self.weighted = weighted
    self.tokenizer = tokenizer
    self.weights = weights
    self.frequentTokens = frequentTokens
    self.prior = prior
    self.backend = backend
  }

  /// The tokens of a text as the model takes them.
  ///
  /// - Throws: ``AttackError`` when it has none, or more than the model has positions.
  public func tokens(of text: String) throws(AttackError) -> [Int] {
    let tokens = tokenizer.encode(text)
    let limit = weighted.model.configuration.positions
    guard tokens.count > tokenizer.prefix.count + tokenizer.suffix.count, tokens.count <= limit
    else {
      throw AttackError(
        "the text \(text.quotedForMessage) has \(tokens.count) tokens with the special ones; give "
          + "texts of at least one token of their own and at most \(limit) in all")
    }
    return tokens
  }

  /// Shares the gradient of `texts` and attacks it.
  ///
  /// - Parameters:
  ///   - labels: classes of the texts; for other heads they are not used.
  ///   - frozen: names of parameters whose gradients are not shared.
  ///   - client: how it trains, and its defences.
  ///   - save: called with the update before it is attacked.
  /// - Throws: ``AttackError`` when texts, client or attack do not fit the model; what `save` throws.
  public func simulate(
    _ texts: [String], labels: [Int], frozen: Set<String>,
    client: TextClient = TextClient(), configuration: TextAttackConfiguration,
    save: (TextUpdate) throws(FileError) -> Void = { _ in }, observe: @escaping TextAttackObserver
  ) throws -> TextOutcome {
    var originals: [[Int]] = []
    for text in texts { originals.append(try tokens(of: text)) }
    let batch = try privateBatch(originals, labels: labels, seed: configuration.seed)
    let update =
      client.isPlain
      ? try weighted.share(
        batch, dtype: configuration.precision.dtype, backend: backend
      ).withholding(frozen)
      : try weighted.share(
        batch, by: client, frozen: frozen, dtype: configuration.precision.dtype, backend: backend)
    guard update.squaredNorm > 0 || !client.isPlain else {
      throw AttackError(
        advising: """
          the client's update is exactly zero, so there is nothing to attack, and nothing is shown of other \
          texts: a head with one class has no loss to learn from (the softmax of one logit is 1); give \
          the head at least two classes with \(.classes)
          """)
    }
    try save(update)
    var configuration = completed(configuration)
    // Searches are given the lengths, as the papers' attacks are.
    if configuration.attack.descriptor.searches { configuration.lengths = originals.map(\.count) }
    let result = try TextInversion(
      weighted, update: update, configuration: configuration, prior: prior,
      isDefended: !client.defences.defences.isEmpty, backend: backend
    ).run(observe: observe)
    let truth = Truth(batch: batch, texts: texts, labels: labels)
    return outcome(result, update, configuration, truth: truth, client: client)
  }

  /// Attacks an update that was captured.
  public func attack(
    _ update: TextUpdate, configuration: TextAttackConfiguration,
    observe: @escaping TextAttackObserver
  ) throws(AttackError) -> TextOutcome {
    guard update.squaredNorm > 0 else {
      throw AttackError(
        "the update is exactly zero: it carries nothing about the texts, and nothing is shown to be safe; give "
          + "the update that the client shared")
    }
    let configuration = completed(configuration)
    let result = try TextInversion(
      weighted, update: update, configuration: configuration, prior: prior, backend: backend
    ).run(observe: observe)
    return outcome(result, update, configuration, truth: nil)
  }

  private func completed(_ configuration: TextAttackConfiguration) -> TextAttackConfiguration {
    var configuration = configuration
    configuration.beginning = tokenizer.prefix
    configuration.ending = tokenizer.suffix
    configuration.specialTokens = tokenizer.specialTokens
    configuration.maskToken = tokenizer.id(of: "[MASK]")
    return configuration
  }

  private struct Truth {
    let batch: TextBatch
    let texts: [String]
    let labels: [Int]
  }

  /// The batch with its labels. A masked language model is asked for 15 % of the tokens, at least one:
  /// four of five are masked, of the rest half are replaced by a random token and half stay as they are,
  /// as in BERT's training (Devlin et al. 2019, arXiv 1810.04805, section 3.1).
  private func privateBatch(
    _ tokens: [[Int]], labels: [Int], seed: UInt64
  ) throws(AttackError) -> TextBatch {
    switch weighted.model.configuration.head {
    case .classification:
      return TextBatch(tokens: tokens, labels: privateLabels(tokens, labels, seed: seed))
    case .languageModel: return TextBatch(tokens: tokens, labels: .nextTokens)
    case .maskedLanguageModel:
      guard let mask = tokenizer.id(of: "[MASK]") else {
        throw AttackError(
          advising: """
            the tokenizer has no [MASK] token, which a masked language model needs; use \
            \(.head, "classification")
            """)
      }
      var source = RandomSource(seed: seed).derive(label: "masking")
      var masked = tokens
      let vocabulary = weighted.model.configuration.vocabularySize
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
  private func privateLabels(
    _ tokens: [[Int]], _ classes: [Int], seed: UInt64
  ) -> TextBatch.Labels {
    let model = weighted.model
    func values(_ draw: (inout RandomSource) -> Double) -> TextBatch.Labels {
      .values(
        tokens.map { text in
          var source = RandomSource(seed: seed).derive(label: "targets of \(text)")
          return (0..<model.labelClasses).map { _ in draw(&source) }
        })
    }
    switch model.configuration.loss {
    case .crossEntropy: return .classes(classes)
    case .multiLabel: return values { Double($0.integer(below: 2)) }
    case .regression: return values { $0.normal() }
    }
  }

  // MARK: - Records

  private func outcome(
    _ result: TextAttackResult, _ update: TextUpdate, _ configuration: TextAttackConfiguration,
    truth: Truth?, client: TextClient = TextClient()
  ) -> TextOutcome {
    let model = weighted.model
    let snapshots = result.snapshots.map { snapshot in
      (snapshot.iteration, snapshot.loss, snapshot.texts.map { tokenizer.decode($0) })
    }
    let record = TextRecord(
      tool: GradleakVersion.current, model: model.name, head: model.configuration.head.name,
      weights: weights, attack: configuration.attack.rawValue, method: result.method.rawValue,
      precision: configuration.precision.rawValue, seed: configuration.seed,
      batchSize: update.batchSize,
      frozenParameters: model.parameters.count - update.gradients.count,
      threatModel: threatModel(configuration, update, result.method),
      localTraining: update.training.map { "\($0)" }, adapterRank: update.adapters?.rank,
      defence: client.defences.isEmpty ? nil : "\(client.defences)",
      isDefenceKnown: client.defences.isEmpty ? nil : client.isDefenceKnown,
      relativeDistance: result.relativeDistance.map { JSONNumber($0) },
      isCertain: result.isCertain, diagnosis: result.diagnosis,
      bagOfWords: result.bag.map { $0.tokens.compactMap { tokenizer.token(of: $0) } },
      span: result.span.map {
        TextRecord.Span(
          firstRank: $0.firstRank, secondRank: $0.secondRank, width: $0.width,
          rankConditionHolds: $0.holds, tokensChecked: $0.tokensChecked, positions: $0.positions)
      },
      texts: truth.map { scored(result, $0) } ?? recovered(result),
      baselines: truth.map { baselines($0, seed: configuration.seed) } ?? [],
      evaluations: result.evaluations,
      course: snapshots.isEmpty
        ? nil
        : snapshots.map { TextRecord.Step(iteration: $0, loss: JSONNumber($1), texts: $2) })
    return TextOutcome(
      record: record,
      snapshots: snapshots,
      seconds: result.seconds, wasInterrupted: result.wasInterrupted)
  }

  private func threatModel(
    _ configuration: TextAttackConfiguration, _ update: TextUpdate, _ method: TextAttackKind
  ) -> String {
    let lengths = configuration.lengths == nil ? "" : ", the texts' lengths"
    return
      "honest-but-curious server; knows model, weights, tokenizer, loss, batch size\(lengths); "
      + (update.training == nil ? "one gradient" : "the client's local steps; one update")
      + (update.adapters == nil ? "" : " of adapters, whose first layers it knows")
      + " without dropout"
      + (prior.map { prior in
        "; a language model as prior, "
          + (prior.sharesVocabulary
            ? "with the same vocabulary" : "for which texts are decoded and encoded again")
      } ?? "")
      + "; "
      + method.category(hasPrior: prior != nil, followsTraining: update.training != nil).requirement
  }

  private func recovered(_ result: TextAttackResult) -> [TextRecord.Text] {
    result.texts.enumerated().map { index, tokens in
      TextRecord.Text(
        recovered: tokenizer.decode(tokens), recoveredTokens: tokens,
        recoveredParts: parts(tokens, layout: index, result),
        recoveredLabel: result.classes?[index],
        recoveredTargets: result.targets?[index].map { JSONNumber($0) })
    }
  }

  private func scored(_ result: TextAttackResult, _ truth: Truth) -> [TextRecord.Text] {
    let originals = truth.batch.unmasked
    let order = matchTexts(reconstructions: result.texts, originals: originals)
    let hasClasses = if case .classes = truth.batch.labels { true } else { false }
    var targets: [[Double]]?
    if case .values(let values) = truth.batch.labels { targets = values }
    return truth.texts.indices.map { index in
      let tokens = order[index].map { result.texts[$0] } ?? []
      let quality = TextQuality(of: tokens, original: originals[index]) {
        tokenizer.decode($0)
      }
      return TextRecord.Text(
        original: tokenizer.decode(originals[index]), recovered: tokenizer.decode(tokens),
        recoveredTokens: tokens, exactMatch: quality.isExact,
        tokenAccuracy: quality.tokenAccuracy, rouge1: quality.rouge.rouge1,
        rouge2: quality.rouge.rouge2, rougeL: quality.rouge.rougeL,
        trueLabel: hasClasses ? truth.labels[index] : nil,
        trueTargets: targets?[index].map { JSONNumber($0) },
        recoveredLabel: order[index].flatMap { place in result.classes?[place] },
        recoveredTargets: order[index].flatMap { place in
          result.targets?[place].map { JSONNumber($0) }
        })
    }
  }

  /// The texts of a pair, one by one; nil for a single text.
  private func parts(
    _ tokens: [Int], layout index: Int, _ result: TextAttackResult
  ) -> [String]? {
    guard result.layouts.indices.contains(index), let segments = result.layouts[index].segments
    else { return nil }
    return Set(segments).sorted().map { segment in
      tokenizer.decode(zip(tokens, segments).filter { $0.1 == segment }.map(\.0))
    }
  }

  private func baselines(_ truth: Truth, seed: UInt64) -> [TextRecord.Baseline] {
    var source = RandomSource(seed: seed).derive(label: "baseline")
    let originals = truth.batch.unmasked
    let guesses = [
      (
        "frequent tokens",
        TextBaseline.frequentTokens(originals, frequent: frequentTokens, using: &source)
      ),
      ("bag of words in random order", TextBaseline.shuffled(originals, using: &source)),
    ]
    return guesses.map { name, guess in
      let order = matchTexts(reconstructions: guess, originals: originals)
      let qualities = originals.indices.map { index in
        TextQuality(of: order[index].map { guess[$0] } ?? [], original: originals[index]) {
          tokenizer.decode($0)
        }
      }
      func mean(_ value: (TextQuality) -> Double) -> Double {
        qualities.reduce(0) { $0 + value($1) } / Double(max(qualities.count, 1))
      }
      return TextRecord.Baseline(
        name: name, tokenAccuracy: mean(\.tokenAccuracy), rouge1: mean(\.rouge.rouge1),
        rouge2: mean(\.rouge.rouge2), rougeL: mean(\.rouge.rougeL))
    }
  }
}

import Attacks
import Clients
import Solvers
import TensorGraph

/// Observes the steps of an attack on texts.
package typealias TextAttackObserver = (TextAttackProgress) -> SolverDecision

/// Attacks the shared update of a language model: seeks the private texts whose gradient it is.
package struct TextInversion {
  let weights: ParameterBuffers
  let update: TextUpdate
  let configuration: TextAttackConfiguration
  let backend: any Backend
  /// Tells LAMP which texts are likely; nil for none.
  let prior: LanguagePrior?
  let norm: Double
  /// What has been found out about texts besides their tokens.
  let layouts = TextLayouts()
  /// Deviations of the rounding of f32 weights in the update, by parameter; empty where there is none.
  let roundingDeviations: [String: Double]

  /// Whether defences are known to have changed the update, so that it need not fit the model.
  let isDefended: Bool

  var model: TextModel { weights.model }

  package init(
    _ weighted: WeightedTextModel, update: TextUpdate, configuration: TextAttackConfiguration,
    prior: LanguagePrior? = nil, isDefended: Bool = false, backend: any Backend
  ) {
    self.isDefended = isDefended
    weights = ParameterBuffers(weighted, dtype: configuration.precision.dtype)
    let update =
      (configuration.unknown.contains(.localTraining)
        ? nil : update.undoingFirstStep(from: weighted)) ?? update
    self.update = update
    self.configuration = configuration
    self.backend = backend
    self.prior = prior
    norm = update.squaredNorm
    roundingDeviations =
      update.rounding.map { rounding in
        Dictionary(
          uniqueKeysWithValues: zip(weighted.model.parameters, weighted.parameters).map {
            ($0.name, rounding.deviation(of: $1))
          })
      } ?? [:]
  }

  /// The same attack on another update of the same model.
  init(_ inversion: TextInversion, attacking update: TextUpdate) {
    (weights, configuration) = (inversion.weights, inversion.configuration)
    (backend, prior) = (inversion.backend, inversion.prior)
    isDefended = inversion.isDefended
    self.update = update
    norm = update.squaredNorm
    roundingDeviations = [:]
  }

  /// Runs the attack.
  ///
  /// - Parameter observe: called after every step; may ask to stop.
  /// - Throws: ``AttackError`` when the attack does not apply to this model or update.
  package func run(
    observe: @escaping TextAttackObserver = { _ in .proceed }
  ) throws(AttackError) -> TextAttackResult {
    let session = TextAttackSession(timeLimit: configuration.timeLimit, observe: observe)
    guard norm > 0 else {
      var result = session.result(texts: [], method: .bag, bag: nil)
      result.diagnosis = Diagnosis(result, batchSize: update.batchSize, isZero: true, misfit: nil)
      return result
    }
    let bag = try BagOfWords.read(update, model: model, backend: backend)
    if update.training?.rule.isAdaptive == true { return try bagOfMoves(session, bag) }
    if let fact = missingFact(for: configuration.attack) {
      throw AttackError(missing: fact, for: configuration.attack.rawValue)
    }
    var result = try attack(session, bag)
    if configuration.attack != .bag {
      let misfit =
        result.isCertain || isDefended ? nil : try scaleMisfit(of: result, session) ?? misfit()
      result.diagnosis = Diagnosis(
        result, batchSize: update.batchSize, isZero: false, misfit: misfit)
    }
    if model.configuration.head == .maskedLanguageModel,
      result.texts.count == update.batchSize, let batch = try batch(of: result.texts)
    {
      result.texts = batch.unmasked
    }
    return result.withoutPaddingBefore
  }

  /// The first fact that an attack needs here and that is not granted.
  private func missingFact(for attack: TextAttackKind) -> ThreatModel.Fact? {
    var needs = attack.descriptor.needs
    if attack == .lamp, prior != nil { needs.append(AttackNeed(.languageModel)) }
    var unknown = configuration.unknown
    if update.training?.isOrderKnown == false { unknown.insert(.miniBatchOrder) }
    return AttackNeed.missing(needs, of: unknown, training: update.training)
  }

  private func attack(
    _ session: TextAttackSession, _ bag: BagOfWords?
  ) throws(AttackError) -> TextAttackResult {
    switch configuration.attack {
    case .bag:
      guard let bag else {
        throw AttackError(
          "the update does not tell its bag of words: the gradient of "
            + "\(model.names.tokenEmbedding) is missing or cannot be told apart; use the attack dager"
        )
      }
      return session.result(texts: [], method: .bag, bag: bag)
    case .embedding:
      guard let result = try embedding(session, bag) else {
        throw AttackError(
          "the closed form needs one text, and the gradients of token and position embeddings of a "
            + "model that does not tie them to its last layer; use the attack dager")
      }
      return result
    case .dager:
      return try dager(session, bag)
    case .dlg, .tag, .lamp:
      return try search(configuration.attack, session, bag)
    case .automatic:
      return try automatic(session, bag)
    }
  }

  private func automatic(
    _ session: TextAttackSession, _ bag: BagOfWords?
  ) throws(AttackError) -> TextAttackResult {
    let skipped = [TextAttackKind.embedding, .dager, .lamp].compactMap { attack in
      missingFact(for: attack).map { SkippedAttack(attack: attack.rawValue, fact: $0) }
    }
    if let first = skipped.first(where: { $0.attack != TextAttackKind.lamp.rawValue }) {
      // Closed form and DAGER take the same; tokens in no order are left.
      guard missingFact(for: .bag) == nil, bag != nil else {
        throw AttackError(missing: first.fact, for: first.attack)
      }
      var result = session.result(texts: [], method: .bag, bag: bag)
      result.skipped = skipped
      return result
    }
    var result = try everything(session, bag, searches: skipped.isEmpty)
    result.skipped = skipped
    return result
  }

  /// Every attack that ``TextAttackKind/automatic`` tries, until one is certain.
  private func everything(
    _ session: TextAttackSession, _ bag: BagOfWords?, searches: Bool
  ) throws(AttackError) -> TextAttackResult {
    var refusal: AttackError?
    var best = try embedding(session, bag)
    if let best, best.isCertain || best.wasInterrupted { return best }
    do {
      let result = try dager(session, bag)
      if result.isCertain || result.wasInterrupted { return result }
      if result.relativeDistance ?? .infinity < best?.relativeDistance ?? .infinity || best == nil {
        best = result
      }
    } catch {
      refusal = error
    }
    // A whole batch that explains most of the update is as near as its noise lets it be.
    if let best, best.relativeDistance ?? 1 < 0.5 { return best }
    // Of another scale or sign it may be far away, and nothing nearer is right.
    if let best, !isDefended, try scaleMisfit(of: best, session) != nil { return best }
    // A search knows lengths or guesses one from the positions in use.
    if searches, let lengths = searchLengths, lengths.count == update.batchSize, norm > 0,
      update.training == nil, update.adapters == nil, !model.effectiveLoss.comparesNumbers,
      case .classification = model.configuration.head
    {
      let found = try search(.lamp, session, bag)
      guard let distance = best?.relativeDistance,
        distance <= found.relativeDistance ?? .infinity
      else { return found }
    }
    if let best { return best }
    throw refusal ?? AttackError("no attack applies to this update")
  }

  // MARK: - Closed form

  private func embedding(
    _ session: TextAttackSession, _ bag: BagOfWords?
  ) throws(AttackError) -> TextAttackResult? {
    guard let bag else { return nil }
    var best: TextAttackResult?
    for text in EmbeddingMatching.read(
      update, model: model, bag: bag, algebra: backend.linearAlgebra)
    {
      layouts[text.tokens] = text.layout
      let result = try finish([text.tokens], .embedding, session, bag, span: nil)
      if result.relativeDistance ?? .infinity < best?.relativeDistance ?? .infinity || best == nil {
        best = result
      }
      if result.isCertain { break }
    }
    // What the checks of other texts find out must not be that of the last try.
    if let best, let text = best.texts.first, let layout = best.layouts.first {
      layouts[text] = layout
    }
    return best
  }

  // MARK: - Whole batches

  /// As many texts as the batch has: where some are missing, equal texts and beginnings of others are
  /// tried, since those leave no trace of their own in a span; where there are too many, those that the
  /// gradient misses least are left out.
  func fittingBatch(
    _ texts: [[Int]], _ session: TextAttackSession
  ) throws(AttackError) -> [[Int]] {
    var texts = texts
    let count = update.batchSize
    guard !texts.isEmpty, texts.count != count else { return texts }
    if texts.count > count, texts.count <= count + 8 {
      while texts.count > count {
        let choices = texts.indices.map { index in
          texts.enumerated().filter { $0.offset != index }.map(\.element)
        }
        texts = try nearest(choices, session)
      }
    }
    while texts.count < count, count - texts.count <= 4, !session.isStopped {
      var additions = texts
      if model.configuration.isCausal {
        for text in texts { additions += (1..<text.count).map { Array(text[..<$0]) } }
      }
      guard additions.count <= 256 else { break }
      let choices = Array(Set(additions)).sorted { $0.lexicographicallyPrecedes($1) }
      texts = try nearest(choices.map { texts + [$0] }, session)
    }
    return texts
  }

  /// The texts of a next-token model with their last tokens, all of which the loss asks for, or else those that
  /// the update tells: prompts are often left out.
  func withLastTokens(
    _ beginnings: [[Int]], _ session: TextAttackSession
  ) throws(AttackError) -> [[Int]] {
    let texts = try completed(beginnings, session)
    guard texts.count == update.batchSize, update.training == nil, !session.isStopped,
      let before = try deviation(of: texts, session), !before.isExplained,
      let counts = try labels.countedTokens(after: beginnings),
      counts.contains(where: { $0.contains(false) })
    else { return texts }
    for (text, counts) in zip(beginnings, counts) {
      layouts.setCountedTokens(counts, after: text)
    }
    let others = try completed(beginnings, session)
    if let after = try deviation(of: others, session), after.relative < before.relative {
      return others
    }
    for text in beginnings { layouts.setCountedTokens(nil, after: text) }
    return texts
  }

  /// The last tokens of a next-token model, which are labels only, solved for and then checked.
  private func completed(
    _ beginnings: [[Int]], _ session: TextAttackSession
  ) throws(AttackError) -> [[Int]] {
    guard !beginnings.isEmpty,
      let ends = try labels.lastTokens(of: beginnings, count: 4)
    else { return beginnings }
    var texts = zip(beginnings, ends).map { $0 + [$1.first ?? 0] }
    guard texts.count == update.batchSize else { return texts }
    if try deviation(of: texts, session)?.isExplained == true { return texts }
    for _ in 0..<4 {
      // What the guess leaves unexplained is due to its wrong last tokens alone.
      let guess = layouts.nextTokens(texts)
      guard let rest = try session.residual(of: guess, model.names.output, self),
        let better = try labels.lastTokens(of: beginnings, residual: rest, current: texts)
      else { break }
      let next = zip(beginnings, better).map { $0 + [$1] }
      if next == texts { break }
      texts = next
      if try deviation(of: texts, session)?.isExplained == true { return texts }
    }
    for index in texts.indices {
      let choices = ends[index].map { end in
        var changed = texts
        changed[index] = beginnings[index] + [end]
        return changed
      }
      texts = try nearest(choices, session)
    }
    return texts
  }

  private func nearest(
    _ choices: [[[Int]]], _ session: TextAttackSession
  ) throws(AttackError) -> [[Int]] {
    var best: (texts: [[Int]], distance: Double) = (choices.first ?? [], .infinity)
    for choice in choices where !session.isStopped {
      guard let deviation = try deviation(of: choice, session) else { continue }
      if deviation.relative < best.distance { best = (choice, deviation.relative) }
      if deviation.isExplained { break }
    }
    return best.texts
  }

  // MARK: - Labels and checking

  private var labels: TextLabelRecovery {
    TextLabelRecovery(update: update, weights: weights, backend: backend, layouts: layouts)
  }

  /// The texts with the labels that the update tells; nil when it does not.
  func batch(of texts: [[Int]]) throws(AttackError) -> TextBatch? {
    switch model.configuration.head {
    case .languageModel:
      return layouts.nextTokens(texts)
    case .classification where model.effectiveLoss.comparesNumbers:
      return try labels.targets(of: texts).map { found in
        TextBatch(tokens: texts, labels: .values(found), layouts: texts.map { layouts[$0] })
      }
    case .classification:
      return try labels.classes(of: texts).map { found in
        TextBatch(tokens: texts, labels: .classes(found), layouts: texts.map { layouts[$0] })
      }
    case .maskedLanguageModel:
      guard let found = try labels.maskedTokens(of: texts, mask: configuration.maskToken) else {
        return nil
      }
      return TextBatch(
        tokens: texts, labels: .masked(found), layouts: texts.map { layouts[$0] })
    }
  }

  /// How far the texts' gradient is from the shared one; nil when their labels cannot be told.
  func deviation(
    of texts: [[Int]], _ session: TextAttackSession
  ) throws(AttackError) -> UpdateDeviation? {
    guard let batch = try batch(of: texts) else { return nil }
    return try session.deviation(of: batch, self)
  }

  func finish(
    _ texts: [[Int]], _ method: TextAttackKind, _ session: TextAttackSession, _ bag: BagOfWords?,
    span: SpanReport?
  ) throws(AttackError) -> TextAttackResult {
    guard texts.count == update.batchSize, let unordered = try batch(of: texts) else {
      return session.result(texts: texts, method: method, bag: bag, span: span)
    }
    let (batch, deviation) = try ordered(unordered, session)
    var (classes, targets): ([Int]?, [[Double]]?)
    if case .classes(let found) = batch.labels { classes = found }
    if case .values(let found) = batch.labels { targets = found }
    // What is left, or rounding that is granted, must not hide another text.
    let isAmbiguous =
      deviation.isExplained ? try hasExplainedNearMiss(batch, deviation, bag, session) : false
    return session.result(
      texts: batch.tokens, layouts: batch.layouts, classes: classes, targets: targets,
      method: method, relativeDistance: deviation.relative,
      unexplainedDistance: update.rounding == nil ? nil : deviation.unexplained,
      isAmbiguous: isAmbiguous,
      bag: bag, span: span)
  }

  /// The batch in the order that fits best, where local steps took parts of it one after the other.
  private func ordered(
    _ batch: TextBatch, _ session: TextAttackSession
  ) throws(AttackError) -> (TextBatch, UpdateDeviation) {
    var best = (batch, try session.deviation(of: batch, self))
    guard let training = update.training, !training.isFullBatch,
      (2...4).contains(batch.tokens.count),
      !best.1.isExplained, best.1.relative < 0.5
    else { return best }
    for order in permutations(of: batch.tokens.count).dropFirst() where !session.isStopped {
      let other = batch.texts(at: order)
      let deviation = try session.deviation(of: other, self)
      if deviation.relative < best.1.relative { best = (other, deviation) }
      if deviation.isExplained { break }
    }
    return best
  }
}

/// All orders of `0..<count`, the present one first.
private func permutations(of count: Int) -> [[Int]] {
  (0..<count).reduce([[]]) { orders, _ in
    orders.flatMap { order in
      (0..<count).filter { !order.contains($0) }.map { order + [$0] }
    }
  }
}

import TensorGraph

/// Observes the steps of an attack on texts.
public typealias TextAttackObserver = (TextAttackProgress) -> SolverDecision

/// Attacks the shared update of a language model: seeks the private texts whose gradient it is.
public struct TextInversion {
  let weights: ParameterBuffers
  let update: TextUpdate
  let configuration: TextAttackConfiguration
  let backend: any Backend
  let norm: Double

  var model: TextModel { weights.model }

  public init(
    _ weighted: WeightedTextModel, update: TextUpdate, configuration: TextAttackConfiguration,
    backend: any Backend
  ) {
    weights = ParameterBuffers(weighted, dtype: configuration.precision.dtype)
    self.update = update
    self.configuration = configuration
    self.backend = backend
    norm = update.squaredNorm
  }

  /// Runs the attack.
  ///
  /// - Parameter observe: called after every step; may ask to stop.
  /// - Throws: ``AttackError`` when the attack does not apply to this model or update.
  public func run(
    observe: @escaping TextAttackObserver = { _ in .proceed }
  ) throws(AttackError) -> TextAttackResult {
    let session = TextAttackSession(timeLimit: configuration.timeLimit, observe: observe)
    let bag = BagOfWords.read(update, model: model, backend: backend)
    switch configuration.attack {
    case .bag:
      guard let bag else {
        throw AttackError(
          "the update does not tell its bag of words: the gradient of "
            + "\(model.names.tokenEmbedding) is missing or cannot be told apart; use --attack dager"
        )
      }
      return session.result(texts: [], method: .bag, bag: bag)
    case .embedding:
      guard let result = try embedding(session, bag) else {
        throw AttackError(
          "the closed form needs one text, and the gradients of token and position embeddings of a "
            + "model that does not tie them to its last layer; use --attack dager")
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
    // A search knows lengths or guesses one from the positions in use.
    if let lengths = searchLengths, lengths.count == update.batchSize, norm > 0,
      update.training == nil, update.adapters == nil
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
    guard let bag, let length = usedPositions(update, model: model),
      let text = EmbeddingMatching.read(
        update, model: model, bag: bag, length: length, algebra: backend.linearAlgebra)
    else { return nil }
    return try finish([text], .embedding, session, bag, span: nil)
  }

  // MARK: - DAGER

  private func dager(
    _ session: TextAttackSession, _ bag: BagOfWords?
  ) throws(AttackError) -> TextAttackResult {
    let span = try AttentionSpan(update, model: model, layer: 0, backend: backend)
    // Without a gap every token would seem to fit.
    guard span.isInformative else {
      let report = SpanReport(
        firstRank: span.rank, secondRank: nil, width: span.width, holds: false, tokensChecked: 0,
        positions: 0)
      return session.result(texts: [], method: .dager, bag: bag, span: report)
    }
    let tokens = bag?.tokens ?? Array(0..<model.configuration.vocabularySize)
    let length = usedPositions(update, model: model)
    let screen = try TokenScreen(weights, span: span, tokens: tokens, backend: backend)
    var sets = SpanSets.find(
      screen, checked: tokens.count, length: length, limit: model.configuration.positions
    ) { session.shouldStop("checking tokens", length ?? 0, []) }
    if update.batchSize > 1 {
      sets.known =
        PositionShares.read(
          update, model: model, bag: bag, length: length, algebra: backend.linearAlgebra) ?? [:]
    }
    var (texts, second) = try place(sets, session)
    let report = SpanReport(
      firstRank: span.rank, secondRank: second?.rank, width: span.width,
      holds: second?.isInformative ?? true, tokensChecked: tokens.count,
      positions: sets.tokens.count)
    if model.configuration.head == .languageModel {
      texts = try withLastTokens(texts, session)
    } else {
      texts = try fittingBatch(texts, session)
    }
    return try finish(texts, .dager, session, bag, span: report)
  }

  /// Texts from the tokens of each position.
  private func place(
    _ sets: SpanSets, _ session: TextAttackSession
  ) throws(AttackError) -> (texts: [[Int]], second: AttentionSpan?) {
    guard sets.tokens.allSatisfy({ !$0.isEmpty }), !sets.tokens.isEmpty else { return ([], nil) }
    if update.batchSize == 1 { return ([sets.tokens.map { $0[0] }], nil) }
    guard model.configuration.layers >= 2 else {
      throw AttackError(
        "DAGER tells the texts of a batch apart by the second layer, and this model has one; only "
          + "a batch of one text can be read (--batch-size 1)")
    }
    let second = try AttentionSpan(update, model: model, layer: 1, backend: backend)
    guard second.isInformative else { return ([], second) }
    var texts: [[Int]] = []
    // Candidates at the distance of rounding first, then all that may be members.
    // A token that only seems to stand at one position would be missed at the others.
    let ways = [(8.0, sets.known), (8.0, [:]), (200.0, sets.known)]
    for (factor, known) in ways where texts.count < update.batchSize && !session.isStopped {
      var allowed = sets
      allowed.known = known
      let kept = allowed.within(factor, count: 6 * update.batchSize)
      let found = try place(kept, second, session)
      if found.count > texts.count { texts = found }
    }
    return (texts, second)
  }

  private func place(
    _ sets: SpanSets, _ second: AttentionSpan, _ session: TextAttackSession
  ) throws(AttackError) -> [[Int]] {
    let length = sets.tokens.count
    let rows = max(min(sets.tokens.map(\.count).max() ?? 1, 16), 1)
    if model.configuration.isCausal {
      let screen = try ContextScreen(
        weights, span: second, rowCount: rows * rows, length: length, backend: backend)
      let recovery = DecoderRecovery(
        sets: sets, screen: screen, tolerance: second.tolerance, batchSize: update.batchSize)
      return recovery.texts { session.shouldStop("placing tokens", length, []) }
    }
    let screen = try ContextScreen(
      weights, span: second, rowCount: rows, length: length, backend: backend)
    let recovery = EncoderRecovery(
      sets: sets,
      relaxation: try? ContextRelaxation(
        sets, ending: configuration.ending, update: update, weights: weights, backend: backend),
      screen: screen, tolerance: second.tolerance, batchSize: update.batchSize,
      ending: configuration.ending, seed: configuration.seed)
    return recovery.texts { texts, present in
      session.shouldStop("placing tokens", update.batchSize, texts + [present])
        ? .stop(.interrupted) : .proceed
    }
  }

  // MARK: - Whole batches

  /// As many texts as the batch has: where some are missing, equal texts and beginnings of others are
  /// tried, since those leave no trace of their own in a span; where there are too many, those that the
  /// gradient misses least are left out.
  private func fittingBatch(
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

  /// The last tokens of a next-token model, which are labels only, solved for and then checked.
  private func withLastTokens(
    _ beginnings: [[Int]], _ session: TextAttackSession
  ) throws(AttackError) -> [[Int]] {
    guard !beginnings.isEmpty,
      let ends = try labels.lastTokens(of: beginnings, count: 4)
    else { return beginnings }
    var texts = zip(beginnings, ends).map { $0 + [$1.first ?? 0] }
    guard texts.count == update.batchSize else { return texts }
    if try distance(of: texts, session) ?? 1 <= TextAttackResult.certainDistance { return texts }
    for _ in 0..<4 {
      // What the guess leaves unexplained is due to its wrong last tokens alone.
      let guess = TextBatch(tokens: texts, labels: .nextTokens)
      guard let rest = try session.residual(of: guess, model.names.output, self),
        let better = try labels.lastTokens(of: beginnings, residual: rest, current: texts)
      else { break }
      let next = zip(beginnings, better).map { $0 + [$1] }
      if next == texts { break }
      texts = next
      if try distance(of: texts, session) ?? 1 <= TextAttackResult.certainDistance { return texts }
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
      let distance = try distance(of: choice, session) ?? .infinity
      if distance < best.distance { best = (choice, distance) }
      if distance <= TextAttackResult.certainDistance { break }
    }
    return best.texts
  }

  // MARK: - Labels and checking

  private var labels: TextLabelRecovery {
    TextLabelRecovery(update: update, weights: weights, backend: backend)
  }

  /// The texts with the labels that the update tells; nil when it does not.
  func batch(of texts: [[Int]]) throws(AttackError) -> TextBatch? {
    switch model.configuration.head {
    case .languageModel:
      return TextBatch(tokens: texts, labels: .nextTokens)
    case .classification(let classes):
      if let found = try labels.classes(of: texts) {
        return TextBatch(tokens: texts, labels: .classes(found))
      }
      return classes == 1
        ? TextBatch(tokens: texts, labels: .classes(texts.map { _ in 0 })) : nil
    case .maskedLanguageModel:
      guard let mask = configuration.maskToken,
        let found = try labels.maskedTokens(of: texts, mask: mask)
      else { return nil }
      return TextBatch(tokens: texts, labels: .masked(found))
    }
  }

  /// The relative squared distance of the texts' gradient; nil when their labels cannot be told.
  func distance(
    of texts: [[Int]], _ session: TextAttackSession
  ) throws(AttackError) -> Double? {
    guard let batch = try batch(of: texts) else { return nil }
    return try session.distance(of: batch, self)
  }

  private func finish(
    _ texts: [[Int]], _ method: TextAttackKind, _ session: TextAttackSession, _ bag: BagOfWords?,
    span: SpanReport?
  ) throws(AttackError) -> TextAttackResult {
    guard texts.count == update.batchSize, let batch = try batch(of: texts) else {
      return session.result(texts: texts, method: method, bag: bag, span: span)
    }
    let distance = try session.distance(of: batch, self)
    var classes: [Int]?
    if case .classes(let found) = batch.labels { classes = found }
    return session.result(
      texts: texts, classes: classes, method: method, relativeDistance: distance, bag: bag,
      span: span)
  }
}

import Clients
import ModelIO
import TensorGraph

extension TextInversion {
  /// Membership in the span of attention gradients: exact, for batches too (Petrov et al. 2024).
  ///
  /// Where weights were rounded, spans are read in two ways: up to the largest fall of their singular values,
  /// which a little rounding does not hide, and up to the level of rounding.
  func dager(
    _ session: TextAttackSession, _ bag: BagOfWords?
  ) throws(AttackError) -> TextAttackResult {
    guard !roundingDeviations.isEmpty, update.adapters == nil else {
      return try dager(session, bag, rounding: [:], isLast: true)
    }
    let first = try dager(session, bag, rounding: [:], isLast: false)
    if first.isCertain || session.isStopped { return first }
    let second = try dager(session, bag, rounding: roundingDeviations, isLast: true)
    return fit(second) < fit(first) ? second : first
  }

  private func dager(
    _ session: TextAttackSession, _ bag: BagOfWords?, rounding: [String: Double], isLast: Bool
  ) throws(AttackError) -> TextAttackResult {
    let span = try AttentionSpan(
      update, model: model, layer: 0, rounding: rounding, backend: backend)
    // Without a gap every token would seem to fit.
    guard span.isInformative else {
      let report = SpanReport(
        firstRank: span.rank, secondRank: nil, width: span.width, holds: false, tokensChecked: 0,
        positions: 0)
      return session.result(texts: [], method: .dager, bag: bag, span: report)
    }
    var tokens = bag?.tokens ?? Array(0..<model.configuration.vocabularySize)
    // Padding that is attended to has no gradient of its own.
    let padding = model.configuration.paddingToken
    if let padding, !tokens.contains(padding) { tokens.append(padding) }
    let length = usedPositions(update, model: model)
    let screen = try TokenScreen(weights, span: span, tokens: tokens, backend: backend)
    var sets = try SpanSets.find(
      screen, segments: possibleSegments, checked: tokens.count, length: length,
      limit: model.configuration.positions
    ) { session.shouldStop("checking tokens", length ?? 0, []) }
    if update.batchSize > 1 {
      sets.known =
        PositionShares.read(
          update, model: model, bag: bag, length: length, algebra: backend.linearAlgebra) ?? [:]
    }
    let second = try secondSpan(sets, rounding)
    let report = SpanReport(
      firstRank: span.rank, secondRank: second?.rank, width: span.width,
      holds: second?.isInformative ?? true, tokensChecked: tokens.count,
      positions: sets.tokens.count)
    sets.isPadded =
      update.batchSize > 1 && sets.candidates.last?.first?.token == padding && padding != nil
    var best = try finish([], .dager, session, bag, span: report)
    for way in ways(sets) {
      var texts = try place(way, second, rounding, session)
      if model.configuration.head == .languageModel {
        texts = try withLastTokens(texts, session)
      } else {
        texts += try remainder(of: texts, session)
        texts = try fittingBatch(texts, session)
      }
      let result = try finish(texts, .dager, session, bag, span: report)
      if fit(result) < fit(best) { best = result }
      if best.isCertain || session.isStopped { break }
    }
    if isLast { best = try mended(best, sets, session, bag, report) }
    // What was found before an interruption counts, and so does how long all took.
    return session.result(
      texts: best.texts, layouts: best.layouts, classes: best.classes, targets: best.targets,
      method: .dager,
      relativeDistance: best.relativeDistance, unexplainedDistance: best.unexplainedDistance,
      isAmbiguous: best.isAmbiguous,
      bag: bag, span: report)
  }

  /// The segments that tokens may be in: of a single text those whose embedding has a gradient, or where that is
  /// withheld the two of a pair. Texts of a batch are taken to be in the first.
  private var possibleSegments: [Int] {
    guard update.batchSize == 1, model.configuration.segments > 1,
      let name = model.names.segmentEmbedding
    else { return [0] }
    return update.gradients[name].map { usedRows($0) ?? [0] } ?? [0, 1]
  }

  /// Where local steps or the rounding of weights blur the spans, what the update itself says of the texts.
  private func mended(
    _ result: TextAttackResult, _ sets: SpanSets, _ session: TextAttackSession,
    _ bag: BagOfWords?, _ report: SpanReport
  ) throws(AttackError) -> TextAttackResult {
    guard update.training != nil || update.rounding != nil, update.batchSize > 1,
      update.batchSize <= 8, model.configuration.head != .languageModel,
      !result.isCertain, !session.isStopped, sets.tokens.allSatisfy({ !$0.isEmpty })
    else { return result }
    let descent = UpdateDescent(
      sets: sets, batchSize: update.batchSize, ending: configuration.ending)
    let start = descent.completed(result.texts)
    guard start.count == update.batchSize else { return result }
    let texts = try descent.descend(start) { texts throws(AttackError) in
      if session.shouldStop("mending texts", UpdateDescent.evaluationLimit, texts) { return nil }
      return try deviation(of: texts, session)
    }
    let found = try finish(texts, .dager, session, bag, span: report)
    return fit(found) < fit(result) ? found : result
  }

  /// How far a result is from a whole batch, and its gradient from the shared one.
  private func fit(_ result: TextAttackResult) -> (missing: Int, distance: Double) {
    (
      max(update.batchSize - result.texts.count, 0),
      result.relativeDistance ?? .infinity
    )
  }

  /// What texts may be made of, the surest first: candidates at the distance of rounding, then all that
  /// may be members.
  ///
  /// A token that stands at several positions may seem to stand at one, where its gradient is much larger
  /// there than elsewhere, and would be missed at the others: so the positions that are thought to be
  /// known are left out once. Whether a way was right, the gradient of its texts tells.
  private func ways(_ sets: SpanSets) -> [SpanSets] {
    guard sets.tokens.allSatisfy({ !$0.isEmpty }), !sets.tokens.isEmpty else { return [] }
    guard update.batchSize > 1 else { return [sets] }
    var unknown = sets
    unknown.known = [:]
    let choices =
      sets.known.isEmpty
      ? [(8.0, sets), (200.0, sets)]
      : [(8.0, sets), (8.0, unknown), (200.0, sets), (200.0, unknown)]
    let count = 6 * update.batchSize
    // Long texts of few different tokens make nearly all of them fit everywhere; a decoder's beginnings can
    // be told from many.
    let counts = model.configuration.isCausal ? [count, 4 * count] : [count]
    var found: [SpanSets] = []
    for (count, (factor, sets)) in counts.flatMap({ count in choices.map { (count, $0) } }) {
      let kept = sets.within(factor, count: count)
      // The same tokens would give the same texts.
      if !found.contains(where: { $0.tokens == kept.tokens && $0.known == kept.known }) {
        found.append(kept)
      }
    }
    return found
  }

  /// The span of what the second layer reads; nil where a single text needs none.
  private func secondSpan(
    _ sets: SpanSets, _ rounding: [String: Double]
  ) throws(AttackError) -> AttentionSpan? {
    guard update.batchSize > 1, !sets.tokens.isEmpty, sets.tokens.allSatisfy({ !$0.isEmpty })
    else { return nil }
    guard model.configuration.layers >= 2 else {
      throw AttackError(
        advising: """
          DAGER tells the texts of a batch apart by the second layer, and this model has one; only \
          a batch of one text can be read (\(.batchSize, 1))
          """)
    }
    return try AttentionSpan(
      update, model: model, layer: 1, rounding: rounding, backend: backend)
  }

  /// Texts from the tokens of each position; without a second span there is one text.
  private func place(
    _ sets: SpanSets, _ second: AttentionSpan?, _ rounding: [String: Double],
    _ session: TextAttackSession
  ) throws(AttackError) -> [[Int]] {
    guard let second else {
      let text = sets.tokens.map { $0[0] }
      let segments = sets.candidates.map { $0.first?.segment ?? 0 }
      if segments.contains(where: { $0 > 0 }) { layouts[text] = TextLayout(segments: segments) }
      return [text]
    }
    return second.isInformative ? try placeBatch(sets, second, rounding, session) : []
  }

  private func placeBatch(
    _ sets: SpanSets, _ second: AttentionSpan, _ rounding: [String: Double],
    _ session: TextAttackSession
  ) throws(AttackError) -> [[Int]] {
    let length = sets.tokens.count
    let rows = max(min(sets.tokens.map(\.count).max() ?? 1, 16), 1)
    if model.configuration.isCausal {
      let screen = try ContextScreen(
        weights, span: second, rowCount: rows * rows, length: length, backend: backend)
      let recovery = DecoderRecovery(
        sets: sets, screen: screen, tolerance: second.tolerance, batchSize: update.batchSize)
      return try recovery.texts { session.shouldStop("placing tokens", length, []) }
    }
    let screen = try ContextScreen(
      weights, span: second, rowCount: rows, length: length, backend: backend)
    // Texts that are padded to one length all end there.
    let ending = sets.isPadded ? [] : configuration.ending
    let recovery = EncoderRecovery(
      sets: sets,
      relaxation: try AttackError.ifApplicable { () throws(AttackError) in
        try ContextRelaxation(
          sets, ending: ending, update: update, rounding: rounding,
          weights: weights, backend: backend)
      },
      screen: screen, tolerance: second.tolerance, batchSize: update.batchSize,
      ending: ending, seed: configuration.seed)
    return try recovery.texts { texts, present in
      session.shouldStop("placing tokens", update.batchSize, texts + [present])
        ? .stop(.interrupted) : .proceed
    }
  }
}

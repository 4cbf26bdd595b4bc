import TensorGraph

extension TextInversion {
  /// The lengths of the texts that a search looks for.
  var searchLengths: [Int]? {
    if !configuration.unknown.contains(.textLengths), let lengths = configuration.lengths {
      return lengths
    }
    guard update.batchSize == 1 else { return nil }
    return usedPositions(update, model: model).map { [$0] }
  }

  /// DLG, TAG or LAMP for a classifier, from the lengths of the texts and their labels; special tokens at
  /// both ends are known. LAMP's reordering asks the ``prior`` besides, where there is one.
  func search(
    _ kind: TextAttackKind, _ session: TextAttackSession, _ bag: BagOfWords?
  ) throws(AttackError) -> TextAttackResult {
    guard case .classification = model.configuration.head else {
      throw AttackError(
        "\(kind.rawValue) seeks the texts of a classifier, and this model has a "
          + "\(model.configuration.head.name) head; use the attack dager")
    }
    guard !model.effectiveLoss.comparesNumbers else {
      throw AttackError(
        "\(kind.rawValue) guesses the labels of a classifier under cross entropy, and this client's loss "
          + "is of the type \(model.effectiveLoss.rawValue); use the attack dager")
    }
    guard update.training == nil, update.adapters == nil else {
      throw AttackError(
        "\(kind.rawValue) matches one gradient of all weights, and this is an update of several local "
          + "steps or of adapters; use the attack dager")
    }
    guard let lengths = searchLengths, lengths.count == update.batchSize else {
      throw AttackError(
        "\(kind.rawValue) needs the number of tokens of each text, which this update does not tell; "
          + "use the attack dager")
    }
    let search = try EmbeddingSearch(self, kind: kind, lengths: lengths, bag: bag)
    let (texts, snapshots) = try search.run(session)
    session.count(evaluations: search.evaluations)
    var result = try finish(texts, kind, session, bag, span: nil)
    result.snapshots = snapshots
    return result
  }

  /// Labels from the gradient of the last bias, mean(p - one-hot), taking all classes to be equally
  /// likely to a fresh head: how often each occurs, in ascending order of classes.
  fileprivate func likelyLabels(classes: Int) -> [Int] {
    let bias = update.gradients["classifier.bias"]?.doubles
    let shares =
      bias
      ?? update.gradients[model.names.output].map { gradient in
        (0..<classes).map { gradient.row($0).reduce(0, +) }
      } ?? [Double](repeating: 0, count: classes)
    let expected = shares.map { (1 / Double(classes) - $0) * Double(update.batchSize) }
    var counts = expected.map { max(Int($0.rounded(.down)), 0) }
    while counts.reduce(0, +) > update.batchSize,
      let index = counts.indices.max(by: { counts[$0] < counts[$1] })
    {
      counts[index] -= 1
    }
    while counts.reduce(0, +) < update.batchSize {
      let index = counts.indices.max {
        expected[$0] - Double(counts[$0]) < expected[$1] - Double(counts[$1])
      }
      counts[index ?? 0] += 1
    }
    return counts.enumerated().flatMap { [Int](repeating: $0, count: $1) }
  }
}

/// One search over dummy embeddings.
private struct EmbeddingSearch {
  let labels: [Int]
  private let kind: TextAttackKind
  private let inversion: TextInversion
  private let objective: EmbeddingObjective
  private let lengths: [Int]
  private let length: Int
  private let width: Int
  /// Known tokens by position; nil where sought.
  private let known: [[Int?]]
  /// Tokens that a position is read as, with their embeddings.
  private let vocabulary: [Int]
  private let rows: [[Double]]
  private let usualLength: Double
  /// LAMP's; nil without a prior.
  private let scorer: LanguagePriorScorer?

  var evaluations: Int { objective.evaluations }

  init(
    _ inversion: TextInversion, kind: TextAttackKind, lengths: [Int], bag: BagOfWords?
  ) throws(AttackError) {
    self.inversion = inversion
    self.kind = kind
    scorer =
      kind == .lamp
      ? inversion.prior.map { LanguagePriorScorer($0, backend: inversion.backend) } : nil
    self.lengths = lengths
    let configuration = inversion.configuration
    let model = inversion.model
    let length = max(lengths.max() ?? 1, 1)
    let width = model.configuration.width
    (self.length, self.width) = (length, width)
    labels = inversion.likelyLabels(classes: model.labelClasses)
    known = lengths.map { count in
      (0..<count).map { position in
        if position < configuration.beginning.count { return configuration.beginning[position] }
        let fromEnd = count - position
        return fromEnd <= configuration.ending.count
          ? configuration.ending[configuration.ending.count - fromEnd] : nil
      }
    }
    let table = inversion.weights.tensor(model.names.tokenEmbedding)
    // Noise may leave no token of a text in the bag.
    let all = Array(0..<model.configuration.vocabularySize)
    vocabulary =
      [bag?.tokens ?? all, all].lazy.map {
        $0.filter { !configuration.specialTokens.contains($0) }
      }.first { !$0.isEmpty } ?? all
    rows = vocabulary.map { table.row($0) }
    let norms = rows.map { SpanCoefficients.product($0, $0).squareRoot() }
    usualLength = norms.reduce(0, +) / Double(max(norms.count, 1))
    var knownRows = [Double](repeating: 0, count: lengths.count * length * width)
    var free = [Double](repeating: 0, count: lengths.count * length)
    for (text, tokens) in known.enumerated() {
      for (position, token) in tokens.enumerated() {
        let place = text * length + position
        if let token {
          knownRows.replaceSubrange(place * width..<(place + 1) * width, with: table.row(token))
        } else {
          free[place] = 1
        }
      }
    }
    let mask = lengths.flatMap { count in (0..<length).map { $0 < count ? 1.0 : 0.0 } }
    let distance: EmbeddingObjective.Distance =
      switch kind {
      case .tag: .squaresAndAbsolutes(share: 0.01)
      case .lamp: .cosines(length: usualLength)
      case .dlg, .automatic, .embedding, .dager, .bag: .squares
      }
    objective = try EmbeddingObjective(
      inversion, distance: distance,
      known: Tensor([lengths.count, length, width], .f64(knownRows)),
      free: Tensor([lengths.count, length, 1], .f64(free)),
      mask: Tensor([lengths.count, length], .f64(mask)),
      labels: Tensor([labels.count], .i32(labels.map { Int32($0) })))
  }

  func run(
    _ session: TextAttackSession
  ) throws(AttackError) -> (texts: [[Int]], snapshots: [TextSnapshot]) {
    var source = RandomSource(seed: inversion.configuration.seed).derive(label: "dummies")
    // Dummies have the length of embeddings, as LAMP's do.
    let scale = usualLength / Double(width).squareRoot()
    var point = (0..<objective.dimension).map { _ in scale * source.normal() }
    var snapshots: [TextSnapshot] = []
    let count = inversion.configuration.iterations
    // LAMP rearranges every 75 iterations, and its rate falls by 0.89 every 50.
    let segment = kind == .lamp ? 75 : count
    var done = 0
    var value = Double.infinity
    while done < count, !session.isStopped {
      let base = done
      let solver: any Solver =
        switch kind {
        case .lamp:
          Adam(
            rate: 0.01 * usualLength / 1.4 * power(0.89, base / 50), schedule: .constant)
        case .tag: Adam(rate: 0.1 * usualLength / 1.4, schedule: .constant)
        case .dlg, .automatic, .embedding, .dager, .bag: LBFGS()
        }
      let rule = StoppingRule(
        iterations: min(segment, count - done), stagnationWindow: count + 1,
        divergenceFactor: .infinity)
      let result = try AttackError.naming(inversion.model.name, "attacked") {
        () throws(GraphError) in
        try solver.minimize(objective, from: point, until: rule) { progress, current in
          let iteration = base + progress.iteration
          if iteration >= (snapshots.last.map { max($0.iteration * 2, 1) } ?? 0) {
            snapshots.append(
              TextSnapshot(iteration: iteration, loss: progress.value, texts: read(Array(current))))
          }
          return session.shouldStop(
            "matching", count, snapshots.last?.texts ?? [], loss: progress.value)
            ? .stop(.interrupted) : .proceed
        }
      }
      (point, value) = (result.point, result.value)
      done += max(result.iterations, 1)
      if kind == .lamp, done * 10 >= count, done < count {
        value = try rearrange(&point, value: value, &source)
      }
      if kind != .lamp { break }
    }
    let texts = read(point)
    snapshots.append(TextSnapshot(iteration: done, loss: value, texts: texts))
    return (texts, snapshots)
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { product, _ in product * base }
  }

  /// The nearest token by cosine at every position that is sought.
  private func read(_ point: [Double]) -> [[Int]] {
    known.enumerated().map { text, tokens in
      tokens.enumerated().map { position, token in
        if let token { return token }
        let start = (text * length + position) * width
        let embedding = Array(point[start..<start + width])
        var best = (token: vocabulary.first ?? 0, cosine: -Double.infinity)
        for (candidate, row) in zip(vocabulary, rows) {
          let norm = SpanCoefficients.product(row, row)
          let cosine = SpanCoefficients.product(row, embedding) / max(norm, 1e-30).squareRoot()
          if cosine > best.cosine { best = (candidate, cosine) }
        }
        return best.token
      }
    }
  }

  /// LAMP's discrete moves (section 4.2): of up to 200 reorderings of one text, the best that lowers the
  /// loss, to which the prior's score of the texts is added with its share.
  private func rearrange(
    _ point: inout [Double], value: Double, _ source: inout RandomSource
  ) throws(AttackError) -> Double {
    let texts = read(point)
    let usual = try scorer?.scores(texts) ?? []
    let share = LanguagePriorScorer.share / Double(texts.count)
    var moves: [(text: Int, order: [Int], places: [Int])] = []
    for _ in 0..<min(200, 10 * length) {
      let text = source.integer(below: known.count)
      let places = known[text].indices.filter { known[text][$0] == nil }
      guard places.count > 1 else { continue }
      moves.append((text, DiscreteMove.draw(places.count, &source), places))
    }
    let scores = try scorer?.scores(
      moves.map { text, order, places in
        var moved = texts[text]
        for (target, origin) in zip(places, order) { moved[target] = texts[text][places[origin]] }
        return moved
      })
    var best = (point: point, value: value, total: 0.0)
    var slope = [Double](repeating: 0, count: point.count)
    for (index, move) in moves.enumerated() {
      var moved = point
      for (target, origin) in zip(move.places, move.order) {
        let new = (move.text * length + target) * width
        let old = (move.text * length + move.places[origin]) * width
        moved.replaceSubrange(new..<new + width, with: point[old..<old + width])
      }
      let loss = try AttackError.naming(inversion.model.name, "attacked") { () throws(GraphError) in
        try objective.evaluate(at: moved, gradient: &slope)
      }
      let gain = scores.map { share * ($0[index] - usual[move.text]) } ?? 0
      let total = loss - value + gain
      if total < best.total { best = (moved, loss, total) }
    }
    point = best.point
    return best.value
  }
}

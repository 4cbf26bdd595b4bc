import TensorGraph

/// Reads one text off the gradients of the token, position and segment embeddings.
///
/// All get the same gradient δₚ of the sum that enters the model at position p: the position's row is
/// δₚ itself, a token's row is the sum of δₚ over the positions where it stands, and a segment's row is the sum
/// over its positions. Writing a row as a combination of the position rows gives coefficients of 1 at its
/// positions and 0 elsewhere. A position that no token accounts for holds padding that was attended, whose own
/// row PyTorch leaves at 0; positions without a gradient before the text hold padding that was not.
enum EmbeddingMatching {
  /// - Returns: the tokens in order with their layouts, the likeliest first; none when the gradients do not
  ///   determine them.
  static func read(
    _ update: TextUpdate, model: TextModel, bag: BagOfWords, algebra: any LinearAlgebra
  ) -> [(tokens: [Int], layout: TextLayout)] {
    guard update.batchSize == 1, !bag.isTied,
      let positions = update.gradients[model.names.positionEmbedding],
      let words = update.gradients[model.names.tokenEmbedding],
      let used = usedRows(positions), let last = used.last
    else { return [] }
    // An encoder that pads before the text still reads its result at the first position.
    let start = used.first == 0 ? used.dropFirst().first ?? 0 : used[0]
    let isPaddedBefore = start > 1 || used.first != 0
    let inner = isPaddedBefore ? Array(used.drop { $0 < start }) : used
    guard let first = inner.first, inner == Array(first...last) else { return [] }
    let rows = used.map { positions.row($0) }
    // Rows of very different lengths would make the system worse than it is.
    let norms = rows.map { SpanCoefficients.product($0, $0).squareRoot() }
    let scaled = zip(rows, norms).map { row, norm in row.map { $0 / norm } }
    guard let solve = SpanCoefficients(scaled, algebra: algebra) else { return [] }
    // What no token accounts for is padding, where there is such a token.
    let padding = model.configuration.paddingToken
    // The caller checks the text's own gradient; this only refuses what is plainly none.
    guard
      let found = owners(
        bag.tokens.map { ($0, words.row($0)) }, solve, norms, unowned: padding)
    else { return [] }
    var tokens = [Int](repeating: padding ?? 0, count: last + 1)
    for (position, token) in zip(used, found) where position >= start || !isPaddedBefore {
      tokens[position] = token
    }
    var layout = TextLayout()
    if isPaddedBefore { layout.isAttended = tokens.indices.map { $0 >= start } }
    if let name = model.names.segmentEmbedding, model.configuration.segments > 1,
      let table = update.gradients[name], let present = usedRows(table), present != [0]
    {
      guard let found = owners(present.map { ($0, table.row($0)) }, solve, norms, unowned: nil)
      else { return [] }
      var segments = [Int](repeating: 0, count: last + 1)
      for (position, segment) in zip(used, found) { segments[position] = segment }
      layout.segments = segments
    }
    guard let padding, tokens[0] == padding, !isPaddedBefore else { return [(tokens, layout)] }
    // One position of padding looks the same whether it was attended to or not.
    var other = layout
    other.isAttended = tokens.indices.map { $0 > 0 }
    return [(tokens, layout), (tokens, other)]
  }

  /// For each position whose row is it that the position has the greatest part in; nil where a position has no
  /// such part in any, and there is no `unowned` to stand there.
  private static func owners(
    _ candidates: [(id: Int, row: [Double])], _ solve: SpanCoefficients, _ norms: [Double],
    unowned: Int?
  ) -> [Int]? {
    var best = [(id: Int, coefficient: Double)](repeating: (0, -.infinity), count: norms.count)
    for (id, row) in candidates {
      let coefficients = solve(row)
      for position in norms.indices {
        let coefficient = coefficients[position] / norms[position]
        if coefficient > best[position].coefficient { best[position] = (id, coefficient) }
      }
    }
    var found: [Int] = []
    for (id, coefficient) in best {
      guard let owner = coefficient > 0.5 ? id : unowned else { return nil }
      found.append(owner)
    }
    return found
  }
}
